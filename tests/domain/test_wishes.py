"""Wishes to stop in other words: known in many languages, and never seen where there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.keywords import normalise
from bridge.domain.wishes import READ_TO, wish_to_stop

WISHES = {
    "en": (
        "please don't text me any more",
        "Stop texting me",
        "STOP TEXTING ME!!!",
        "pls stop textin me",
        "stop txting this number",
        "Please stop",
        "stop please",
        "Stop now.",
        "I said stop!",
        "please unsubscribe",
        "unsubscribe me from these texts",
        "unsuscribe me please",
        "opt me out",
        "take me off your list",
        "Remove me from your mailing list",
        "remove my number",
        "lose my number",
        "no more texts",
        "No more messages please.",
        "dont message me again",
        "Do not contact me again!",
        "never text me again",
        "quit messaging me",
        "Could you please stop sending me these messages?",
        "I want you to stop texting me",
        "stop sending me spam",
        "Stop the spam",
        "stop all these messages",
        "I no longer wish to receive text messages from you",
        "I don't want any more texts",
        "I don't want to get these messages anymore",
        "I would like to unsubscribe",
        "how do I unsubscribe?",
        "How can I stop getting these texts?",
        "leave me the fuck alone",
        "Stop fucking texting me",
        "Hi, stop texting me, thanks",
        "Please stop texting me and remove my number",
        "reply STOP",
        "STOP to end",
        "stoppp",
        "STOOOP!!",
        "Wrong number. Stop texting me \N{POUTING FACE}",
        "don\N{RIGHT SINGLE QUOTATION MARK}t text me anymore",
    ),
    "fr": (
        "Ne m\N{RIGHT SINGLE QUOTATION MARK}envoyez plus de messages svp",
        "Arrêtez de m'envoyer des SMS !",
        "arrete de m'écrire",
        "Je ne veux plus recevoir vos messages.",
        "je veux plus de textos",
        "Désabonnez-moi s'il vous plaît",
        "Merci de ne plus me contacter",
        "Veuillez me désinscrire",
        "Supprimez mon numéro de vos listes",
        "Stop pub",
        "Arrêtez",
        "arrêtez svp",
        "Laissez-moi tranquille",
    ),
    "es": (
        "No me envíen más mensajes por favor",
        "no me escriban mas",
        "Ya no me manden mensajes",
        "Dejen de escribirme",
        "Por favor, deje de enviarme SMS",
        "¡No quiero recibir más mensajes!",
        "no mas mensajes",
        "Por favor, quítenme de su lista",
        "Borren mi número",
        "quiero darme de baja",
        "Déjenme en paz",
    ),
    "pt": (
        "Não me mandem mais mensagens",
        "nao me envie mais sms por favor",
        "Parem de me enviar SMS, por favor",
        "Não quero mais receber mensagens",
        "chega de mensagens",
        "Me descadastrem",
        "Me tirem da lista",
    ),
    "de": (
        "Bitte schicken Sie mir keine Nachrichten mehr.",
        "Schreibt mir nicht mehr!",
        "Hören Sie auf, mir zu schreiben!",
        "Hoert auf mir SMS zu schicken",
        "Keine SMS mehr bitte",
        "Ich möchte keine SMS mehr bekommen",
        "Ich will keine Werbung mehr",
        "Bitte löschen Sie meine Nummer",
        "Nehmen Sie mich bitte aus dem Verteiler",
        "Könnten Sie bitte aufhören, mir Nachrichten zu schicken?",
        "Lasst mich in Ruhe!",
        "bitte melden Sie mich ab",
    ),
    "it": (
        "Non scrivetemi più",
        "Non mandatemi più messaggi per favore",
        "Smettetela di mandarmi messaggi, grazie",
        "Non voglio più ricevere messaggi",
        "Basta messaggi!",
        "Toglietemi dalla vostra lista",
        "Cancellate il mio numero",
    ),
    "nl": (
        "Stuur mij geen berichten meer aub",
        "Geen sms meer alstublieft",
        "Stop met mij te sms'en",
        "Stop met berichten sturen",
        "Ik wil geen berichten meer ontvangen",
        "Haal mij van de lijst",
        "schrijf mij uit",
        "Laat me met rust",
    ),
    "ru": (
        "Не пишите мне больше",
        "Больше не пишите",
        "Пожалуйста, не присылайте мне сообщения",
        "Хватит слать смс",
        "Прекратите рассылку",
        "Отпишите меня",
        "Удалите мой номер",
    ),
    "el": ("Μη μου στέλνετε άλλα μηνύματα", "Σταματήστε να μου στέλνετε μηνύματα"),
    "he": ("תפסיקו לשלוח לי הודעות בבקשה", "אל תשלחו לי יותר הודעות", "תסירו אותי מהרשימה"),
    "zh": (
        "请不要再给我发短信了",
        "不要再傳簡訊給我",
        "别再联系我了",
        "我不想再收到你们的短信",
        "我要退订",
        "请删除我的号码",
    ),
    "ja": (
        "もうメッセージを送らないでください",
        "連絡しないでください",
        "配信を停止してください",
        "電話番号を削除してください",
    ),
    "ko": (
        "더 이상 문자 보내지 마세요",
        "문자 그만 보내세요",
        "수신거부 합니다",
        "제 번호를 삭제해 주세요",
    ),
}
ALL = [pytest.param(text, id=f"{tongue}-{text}") for tongue in WISHES for text in WISHES[tongue]]

# What somebody texts a shop, a clinic, a club.
ORDINARY = (
    "please stop by the shop",
    "don't stop",
    "Don't stop texting me, I love it",
    "Please don't stop sending me texts",
    "I don't want you to stop texting me",
    "you never stop texting",
    "Why did you stop texting me?",
    "Did you stop sending messages?",
    "When will you stop texting me offers?",
    "I never said stop texting me",
    "Which bus stop is nearest?",
    "Is it a non-stop flight?",
    "We will stop at noon",
    "Please stop the delivery, I am away",
    "please stop my order",
    "Stop the subscription for my brother",
    "Can you stop the alarm?",
    "how do I stop the alarm?",
    "The printer won't stop",
    "stop it",
    "Stop joking!",
    "I need a stop, please.",
    "Cancel. I need to think about it",
    "The end. What a film!",
    "I quit, sorry",
    "Wrong number",
    "Not interested",
    "No thank you.\nSent from my iPhone",
    "Please cancel my order",
    "please cancel",
    "Cancel my subscription",
    "cancel the appointment please",
    "Can I unsubscribe from the newsletter?",
    "I want to opt out of the insurance",
    "how do I remove my card?",
    "remove my number from order 1123",
    "Please remove me from the guest list",
    "take me off the waiting list please",
    "Don't text me before 9",
    "don't text me back until Monday",
    "Stop texting me at work, use my mobile",
    "Please don't text me when I'm driving",
    "Do not send the parcel",
    "don't send me the bill by post",
    "no more sugar please",
    "No more questions, thanks",
    "any more messages?",
    "I don't want to miss your texts",
    "I want to get more texts from you!",
    "I have stopped receiving your texts",
    "I am not receiving your messages",
    "I don't get any messages any more",
    "Text me when it's ready",
    "please text me any more details",
    "Don't bother",
    "Don't text and drive ;)",
    "end of message",
    "quit smoking class tonight?",
    "The text says: reply STOP to end. What does it mean?",
    "Liked “Stop texting me”",
    "Liked “Thanks. Stop texting me. Bye.”",
    "Loved “We will not text you. No more texts.”",
    "Automatic reply: I am away. Do not text me.",
    "leave me a message",
    "leave the parcel alone in the hall",
    "delete my account",
    "delete my old number, the new one is 555-0100",
    "I lost my number plate",
    "Thanks, please",
    "please",
    "no",
    "No thanks",
    "ok",
    "",
    "?!",
    "\N{THUMBS UP SIGN}",
    "Arrêtez la commande s'il vous plaît",
    "Ne m'envoyez pas la facture par courrier",
    "Envoyez-moi plus de messages",
    "Je ne reçois plus vos messages",
    "Arrêt de bus ?",
    "Plus de message de votre part, tout va bien ?",
    "No me llamen antes de las nueve",
    "No paren de enviarme mensajes, me encantan",
    "No recibo más mensajes",
    "¿Algo más? No, nada más",
    "Quiero darme de baja del gimnasio",
    "Basta con eso",
    "Não recebo mais mensagens",
    "Não mande mais pizza",
    "Pare no portão",
    "Bitte keine Milch mehr",
    "Ich bekomme keine Nachrichten mehr",
    "Bekomme ich keine SMS mehr?",
    "Hören Sie mich?",
    "Schicken Sie mir bitte keine Rechnung per Post",
    "Bitte melden Sie mich vom Kurs ab",
    "Non ho più ricevuto messaggi",
    "Non scrivetemi la fattura a mano",
    "Basta così, grazie",
    "Ik krijg geen berichten meer",
    "Stop met roken cursus?",
    "Мне больше не приходят сообщения",
    "Не пишите дату на чеке",
    "Больше ничего не надо",
    "Δεν λαμβάνω μηνύματα",
    "לא קיבלתי הודעות",
    "我没有收到短信",
    "请再发一次短信给我",
    "メッセージが届きません",
    "メッセージを送ってください",
    "문자 보내 주세요",
    "문자가 안 와요",
)


@pytest.mark.parametrize("text", ALL)
def test_a_wish_is_known_whatever_its_language(text: str) -> None:
    wish = wish_to_stop(text)

    assert wish is not None
    assert wish.is_all


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_text_is_none(text: str) -> None:
    assert wish_to_stop(text) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("My order is late. Please stop texting me.", "Please stop texting me"),
        ("Where is it?\nno more texts", "no more texts"),
        ("Don't text me, call me", "Don't text me, call me"),
        ("When I am at work, don't text me.", "When I am at work, don't text me"),
        ("He said: leave me alone", "He said: leave me alone"),
        ("Don't text me, I'll text you", "Don't text me, I'll text you"),
        ("Where is my order? stop texting me", "stop texting me"),
        ("who is this? stop", "stop"),
        ("STOP! Who is this?", "STOP"),
        ("STOPALL. This is Ann's phone", "STOPALL"),
        ("Unsubscribe, I moved away", "Unsubscribe, I moved away"),
        ("I moved away. OPT-OUT", "OPT-OUT"),
        ("revoke, I moved away", "revoke, I moved away"),
        ("Qui êtes-vous ? ARRÊT", "ARRÊT"),
        ("Stop. I need to think about it", "Stop"),
        ("Die Lieferung war gut. Keine SMS mehr bitte!", "Keine SMS mehr bitte"),
    ],
)
def test_what_else_was_said_is_not_lost(text: str, said: str) -> None:
    wish = wish_to_stop(text)

    assert wish is not None
    assert (wish.said, wish.is_all) == (said, False)


def test_a_long_sentence_is_told_in_part() -> None:
    wish = wish_to_stop("no more texts" + " please" * 24)

    assert wish is not None
    assert len(wish.said) <= 160


known = st.sampled_from([text for texts in WISHES.values() for text in texts])
spaced = st.sampled_from([text for tongue in ("en", "de", "ru") for text in WISHES[tongue]])
decoration = st.sampled_from(["", " ", "!", "...", " \N{POUTING FACE}", "\n", " ?!", "  "])


@given(known, decoration, decoration)
def test_case_and_decoration_make_no_difference(text: str, before: str, behind: str) -> None:
    for spelt in (text, text.upper(), text.lower()):
        wish = wish_to_stop(before + spelt + behind)

        assert wish is not None
        assert wish.is_all


@given(spaced, st.sampled_from(["refrigerator", "until Tuesday", "on my brother's phone", "42"]))
def test_a_word_more_makes_it_a_text_for_a_person(text: str, more: str) -> None:
    bare = text.rstrip("!?. \N{POUTING FACE}").rpartition(". ")[2].rpartition(", ")[2]

    assert wish_to_stop(f"{bare} {more}") is None


@given(spaced, st.sampled_from(["we never", "she told him:", "did you", "why do people"]))
def test_a_word_before_makes_it_a_text_for_a_person(text: str, more: str) -> None:
    bare = normalise(text.rpartition(". ")[2])

    assert wish_to_stop(f"{more.rstrip(':')} {bare}") is None


@given(st.text(max_size=300))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    wish = wish_to_stop(text)

    assert wish is None or wish.said


def test_a_text_longer_than_a_phone_sends_is_not_read() -> None:
    assert wish_to_stop("Stop texting me." + " " * (READ_TO - 16)) is not None
    assert wish_to_stop("Stop texting me." + " " * READ_TO) is None
