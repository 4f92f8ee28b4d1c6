"""The words that every number answers to: stop, start, help; and the lawful texts for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from bridge.domain.keywords import normalise

WordClass = Literal["STOP", "START", "HELP", "YES"]
Answer = Literal["STOP", "START", "HELP"]
Reserved = Literal["opt_out", "opt_in", "help"]

# Taken are words that carriers, regulators or the trade print for exactly this and that nobody
# gives as an ordinary answer: so no "no", "basta", "alto", "cancelar", "fin". English: 47 CFR
# 64.1200(a)(10) and the carriers' own lists; French: Canada's short code rules; the others: what
# stands under advertising texts there ("BAJA" in Spain, "SAIR" in Brazil, "退订" in China).
# Blanks and accents count for nothing, so OPT OUT and ARRÊT are among them.
_WORDS: Mapping[WordClass, str] = {
    "STOP": """
        stop, stopall, unsubscribe, cancel, end, quit, revoke, optout, remove, stopp,
        arret, arrete, arrett, desabonner, desabonnement, desinscription,
        baja, darme de baja, parar, sair, descadastrar,
        abmelden, abmeldung, abbestellen, disiscrivi, disiscrivimi, cancellami,
        afmelden, uitschrijven,
        стоп, στοπ, הסר,
        退订, 退訂, 配信停止, 수신거부
        """,
    # Few on purpose: texting somebody again without a clear wish is the worse mistake.
    "START": "start, unstop, старт",
    "HELP": "help, info, aide, ayuda, hilfe, aiuto, ajuda, hulp",
    "YES": "yes, oui, si, ja, sim, да",
}

_RESERVED: Mapping[WordClass, Reserved] = {
    "STOP": "opt_out",
    "START": "opt_in",
    "YES": "opt_in",
    "HELP": "help",
}


def _squeeze(text: str) -> str:
    """Return the text as compared, without any blank: "S T O P" and "opt-out" are said as well."""
    return normalise(text).replace(" ", "")


_CLASS_OF: Mapping[str, tuple[WordClass, str]] = MappingProxyType(
    {
        _squeeze(word): (cls, " ".join(word.split()).upper())
        for cls, words in _WORDS.items()
        for word in words.split(",")
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardWord:
    """A standard word and its class; `word` is its usual spelling ("STOP ALL")."""

    cls: WordClass
    word: str


def standard_word(text: str) -> StandardWord | None:
    """Return the standard word that makes up the whole of `text`, or None.

    Case, accents, punctuation, emoji and blanks count for nothing, and "Stop! Stop!" is STOP.
    YES says only what was said: it means something when we asked, or from somebody opted out.
    """
    squeezed = _squeeze(text)
    found = _CLASS_OF.get(squeezed)
    if found is None:
        once = set(normalise(text).split())
        repeated = _CLASS_OF.get(once.pop()) if len(once) == 1 else None
        found = repeated if repeated is not None and repeated[0] == "STOP" else None
    return StandardWord(cls=found[0], word=found[1]) if found is not None else None


def is_reserved(word: str) -> Reserved | None:
    """Return what `word` is reserved for, or None where a keyword rule may have it.

    A rule on an `opt_out` or `opt_in` word is to be refused; one on a `help` word may set a reply.
    """
    found = standard_word(word)
    return _RESERVED[found.cls] if found is not None else None


def words_of(cls: WordClass) -> tuple[str, ...]:
    """The standard words of a class as they are usually written, the best known first."""
    return tuple(word for found, word in _CLASS_OF.values() if found == cls)


def exact_word(text: str) -> str:
    """Return `text` as carriers compare it with the words they answer themselves."""
    return text.strip().upper()


# Each within GSM-7 and, with a brand of up to 20 characters, within one segment: hence wordings
# that do without the accents GSM-7 lacks. The stop text says nothing but that it is done
# (47 CFR 64.1200(a)(12)); the help text names the brand, the charges and the way out (CTIA).
_TEXTS: Mapping[str, Mapping[Answer, str]] = {
    "en": {
        "STOP": "You are unsubscribed and will get no more messages. Reply START to resubscribe.",
        "START": "You are subscribed again. Reply HELP for help, STOP to unsubscribe.",
        "HELP": "Text us your question here and our team will answer. "
        "Msg & data rates may apply. Reply STOP to unsubscribe.",
    },
    "fr": {
        "STOP": "Désabonnement confirmé. Vous ne recevrez plus de messages. "
        "Répondez START pour vous réabonner.",
        "START": "Votre abonnement est rétabli. "
        "Répondez AIDE pour de l'aide, STOP pour vous désabonner.",
        "HELP": "Écrivez ici votre question, notre équipe vous répondra. "
        "Frais de messagerie possibles. STOP pour vous désabonner.",
    },
    "es": {
        "STOP": "Baja confirmada. Ya no le enviaremos mensajes. "
        "Responda START para recibirlos de nuevo.",
        "START": "Vuelve a estar de alta. Responda AYUDA para recibir ayuda, STOP para la baja.",
        "HELP": "Escriba su pregunta y nuestro equipo le responde. "
        "Pueden aplicarse tarifas de mensajes y datos. STOP para la baja.",
    },
    "de": {
        "STOP": "Sie sind abgemeldet und erhalten keine Nachrichten mehr. "
        "Mit START melden Sie sich wieder an.",
        "START": "Sie sind wieder angemeldet. Antworten Sie HILFE für Hilfe, STOP zum Abmelden.",
        "HELP": "Schreiben Sie Ihre Frage hierher, unser Team antwortet. "
        "SMS- und Datenkosten nach Ihrem Tarif. STOP zum Abmelden.",
    },
    "it": {
        "STOP": "Disiscrizione confermata. Non riceverà altri messaggi. "
        "Risponda START per iscriversi di nuovo.",
        "START": "La sua iscrizione è di nuovo attiva. "
        "Risponda AIUTO per assistenza, STOP per disiscriversi.",
        "HELP": "Scriva qui la sua domanda e il nostro team risponderà. "
        "Possibili costi per messaggi e dati. STOP per disiscriversi.",
    },
    "pt": {
        "STOP": "Cancelamento confirmado. Deixamos de enviar mensagens. "
        "Responda START para voltar.",
        "START": "As mensagens foram reativadas. Responda AJUDA para ajuda, STOP para sair.",
        "HELP": "Escreva aqui a sua pergunta e a nossa equipe responde. "
        "Podem incidir tarifas de mensagens e dados. STOP para sair.",
    },
    "nl": {
        "STOP": "U bent afgemeld en krijgt geen berichten meer. "
        "Antwoord START om u weer aan te melden.",
        "START": "U bent weer aangemeld. Antwoord HULP voor hulp, STOP om u af te melden.",
        "HELP": "Stel hier uw vraag, ons team antwoordt. "
        "Mogelijk rekent uw provider bericht- en datakosten. STOP om af te melden.",
    },
}


def default_text(cls: WordClass, brand: str, language: str = "en") -> str:
    """Return the lawful answer to a standard word, in one segment where the brand is short.

    `language` is a tag such as "fr" or "pt-BR"; English where there is no text in it. YES is
    answered as START is.
    """
    texts = _TEXTS.get(language.lower().replace("_", "-").partition("-")[0], _TEXTS["en"])
    name = " ".join(brand.split())
    text = texts["START" if cls == "YES" else cls]
    return f"{name}: {text}" if name else text
