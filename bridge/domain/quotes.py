"""What of a comment is quoted history or a signature, line by line.

Works on lines that the rendering has marked where the markup told, and on the habits of mail
programs where it did not. When in doubt a line is the agent's own and stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

# history: the markup says that a mail program put it there. cut: from here on all is history.
# quote: quoted, by the agent or a mail program. code: to be kept letter by letter.
Kind = Literal["text", "code", "quote", "history", "cut", "signature"]


class Line(NamedTuple):
    """A line of a comment, and what the markup said of it."""

    text: str
    kind: Kind = "text"


def _words(words: str) -> str:
    return "|".join(re.escape(word.strip()) for word in words.split(","))


_SAID = _words(
    "wrote, writes, schrieb, schreibt, a écrit, escribió, ha scritto, escreveu, schreef,"
    "skrev, kirjoitti, napisał, napisała, pisze, napsal, napsal(a), írta, yazd\u0131,"
    "написал, написала, пишет, 写道, 寫道"
)
_ATTRIBUTION = re.compile(
    rf"(?:^|.*[\s\d])(?:{_SAID})(?:\s.*)?\s?[:\uff1a]$|.*<\S+@\S+>\s?:$", re.IGNORECASE
)
_OPENING = re.compile(rf"(?:{_words('On, Am, Le, El, Il, Em, A, Op, Den, Dne, W dniu')})\s")
_LONGEST_ATTRIBUTION = 300
_DATED = re.compile(r"\d")

_REPLY_ABOVE = re.compile(r"##-.*-##")  # Zendesk's own line at the head of its mails
_ORIGINAL = re.compile(
    r"-{2,}\s*(?:"
    + _words(
        "Original Message, Forwarded message, Ursprüngliche Nachricht,"
        "Weitergeleitete Nachricht, Message d'origine, Message d\u2019origine, Message transféré,"
        "Mensaje original, Mensaje reenviado, Messaggio originale, Messaggio inoltrato,"
        "Mensagem original, Oorspronkelijk bericht, Originalmeddelande, Oprindelig meddelelse,"
        "Opprinnelig melding, Wiadomość oryginalna"
    )
    + r")\s*-{2,}",
    re.IGNORECASE,
)
_RULE = re.compile(r"[_-]{5,}")


def _header(names: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{_words(names)})\s?:(?:\s|$)", re.IGNORECASE)


_FROM = _header("From, Von, De, Da, Van, Från, Fra, Od, От")
_SENT = _header(
    "Sent, Date, Gesendet, Datum, Envoyé, Envoyé le, Enviado, Enviado el, Enviada em, Fecha,"
    "Data, Inviato, Verzonden, Skickat, Sendt, Wysłano, Отправлено"
)
_SUBJECT = _header(
    "Subject, Betreff, Objet, Asunto, Oggetto, Assunto, Onderwerp, Ämne, Emne, Temat, Тема"
)
_HEADER_LINES = 6

_SENT_FROM = re.compile(
    r"(?:Sent from my|Sent from (?:Outlook|Mail|Yahoo)|Get Outlook for|Von meinem .+ gesendet"
    r"|Gesendet mit|Envoyé de mon|Enviado desde mi|Enviado do meu|Inviato da(?:l mio)?"
    r"|Verzonden (?:vanaf|met))\b",
    re.IGNORECASE,
)
_LONGEST_SIGNATURE = 10


def is_attribution(text: str) -> bool:
    """Whether a line introduces a quotation, as "On 5 May 2026, Jane wrote:" does."""
    return len(text) <= _LONGEST_ATTRIBUTION and _ATTRIBUTION.match(text.strip()) is not None


def cut_history(lines: Sequence[Line]) -> list[Line]:
    """Return the lines without quoted history.

    A quotation in the midst of the agent's own words, or introduced by them, stays, in quotation
    marks. A comment that would be left without a word keeps what only looked like history.
    """
    kept = list(_without_quotes(_before_cut(lines)))
    if any(line.text for line in kept if line.kind != "signature"):
        return kept
    return [
        Line(line.text) if line.kind in {"quote", "cut"} else line
        for line in lines
        if line.kind != "history" and not _REPLY_ABOVE.fullmatch(line.text.strip())
    ]


def _before_cut(lines: Sequence[Line]) -> Sequence[Line]:
    for place, line in enumerate(lines):
        if line.kind == "cut":
            return lines[:place]
        if line.kind == "text" and _begins_old_mail(lines, place):
            before = place
            while before > 0 and _is_rule(lines[before - 1]):
                before -= 1
            return lines[:before]
    return lines


def _begins_old_mail(lines: Sequence[Line], place: int) -> bool:
    text = lines[place].text.strip()
    if _REPLY_ABOVE.fullmatch(text) or _ORIGINAL.fullmatch(text):
        return True
    if not _FROM.match(text):
        return False
    # "From: Berlin, To: Paris" is a journey: a mail has a date and a subject as well.
    head = [line.text.strip() for line in lines[place + 1 : place + _HEADER_LINES]]
    return any(map(_SENT.match, head)) and any(map(_SUBJECT.match, head))


def _is_rule(line: Line) -> bool:
    return not line.text or _RULE.fullmatch(line.text.strip()) is not None


def _without_quotes(lines: Sequence[Line]) -> Iterator[Line]:
    runs = [(sort, list(run)) for sort, run in groupby(_join_blanks(lines), key=_sort)]
    own: list[Line] = []
    in_mail = False
    for place, (sort, run) in enumerate(runs):
        if sort == "own":
            own += run
            continue
        introduced = _introduction(own)
        last = all(later == "history" or not _has_words(rest) for later, rest in runs[place + 1 :])
        if introduced:
            in_mail = True
            del own[-introduced:]
        elif not _is_history(sort, run, own, last=last, in_mail=in_mail):
            own += _in_marks(run) if sort == "quote" else run
    introduced = _introduction(own)
    if introduced and any(_DATED.search(line.text) for line in own[-introduced:]):
        del own[-introduced:]
    yield from own


def _join_blanks(lines: Sequence[Line]) -> Iterator[Line]:
    """Give blank lines between two quoted lines the kind of these, so that they stay together."""
    blanks: list[Line] = []
    before: Kind = "text"
    for line in lines:
        if not line.text and line.kind == "text":
            blanks.append(line)
            continue
        joined = before == line.kind and before in {"quote", "history"}
        yield from [Line("", before)] * len(blanks) if joined else blanks
        blanks, before = [], line.kind
        yield line
    yield from blanks


def _sort(line: Line) -> Literal["own", "quote", "history", "arrows"]:
    if line.kind in {"quote", "history"}:
        return "quote" if line.kind == "quote" else "history"
    if line.kind == "text" and line.text.startswith(">"):
        return "arrows"
    return "own"


def _has_words(lines: Sequence[Line]) -> bool:
    return any(line.text and line.kind != "signature" for line in lines)


def _introduction(own: Sequence[Line]) -> int:
    """Return how many lines at the end introduce a quotation, with the blank ones after them."""
    end = len(own)
    while end > 0 and not own[end - 1].text:
        end -= 1
    size = next((size for size in (1, 2, 3) if _is_wrapped(own[max(end - size, 0) : end], size)), 0)
    if size == 0 and end > 0 and is_attribution(own[end - 1].text):
        size = 1
    return len(own) - end + size if size else 0


def _is_wrapped(lines: Sequence[Line], size: int) -> bool:
    """Whether these lines are one dated attribution: mail programs wrap a long one."""
    whole = " ".join(line.text for line in lines)
    if len(lines) != size or not _DATED.search(whole) or not is_attribution(whole):
        return False
    sentences = any(line.text.endswith((".", "!", "?", ":")) for line in lines[:-1])
    return size == 1 or (_OPENING.match(whole) is not None and not sentences)


def _is_history(
    sort: str, run: Sequence[Line], own: Sequence[Line], *, last: bool, in_mail: bool
) -> bool:
    if sort == "history" or in_mail:
        return True
    if sort == "arrows":
        return last and len(run) > 1
    said = next((line.text for line in reversed(own) if line.text), "")
    return last and not said.endswith(":")


def _in_marks(run: Sequence[Line]) -> list[Line]:
    texts = [line.text for line in run]
    worded = [place for place, text in enumerate(texts) if text]
    if not worded:
        return list(run)
    first, final = worded[0], worded[-1]
    if not texts[first].startswith(('"', "“", "«", "„")):
        texts[first] = f'"{texts[first]}'
        texts[final] = f'{texts[final]}"'
    return [Line(text) for text in texts]


def cut_signature(lines: Sequence[Line]) -> list[Line]:
    """Return the lines without the agent's signature: what the markup calls one, what follows a
    line "--", and a phone's "Sent from my ..."."""
    kept = [line for line in lines if line.kind != "signature"]
    for place in range(len(kept) - 1, -1, -1):
        if kept[place].text.strip() == "--" and kept[place].kind == "text":
            after = sum(bool(line.text) for line in kept[place + 1 :])
            if after <= _LONGEST_SIGNATURE:
                kept = kept[:place]
            break
    return _drop_from_the_end(kept, lambda line: _SENT_FROM.match(line.text) is not None)


def _drop_from_the_end(lines: list[Line], unwanted: Callable[[Line], bool]) -> list[Line]:
    end = len(lines)
    while end > 0 and (not lines[end - 1].text or unwanted(lines[end - 1])):
        end -= 1
    return lines[:end]
