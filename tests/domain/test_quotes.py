from __future__ import annotations

import pytest

from bridge.domain.plaintext import plain_to_text, to_text
from bridge.domain.quotes import Line, cut_history, is_attribution


@pytest.mark.parametrize(
    "line",
    [
        "On Mon, Jan 5, 2026 at 10:00 AM Ann Lee <ann@a.example> wrote:",
        "Am 5. Januar 2026 um 10:00 schrieb Ann Lee <ann@a.example>:",
        "Am Mo., 5. Jan. 2026 um 10:00 Uhr schrieb Ann:",
        "Le lun. 5 janv. 2026 à 10:00, Ann Lee <ann@a.example> a écrit :",
        "El lun, 5 ene 2026 a las 10:00, Ann (<ann@a.example>) escribió:",
        "Il giorno lun 5 gen 2026 alle ore 10:00 Ann ha scritto:",
        "Em seg., 5 de jan. de 2026 às 10:00, Ann escreveu:",
        "Op ma 5 jan 2026 om 10:00 schreef Ann Lee <ann@a.example>:",
        "Den mån 5 jan. 2026 kl 10:00 skrev Ann:",
        "5 янв. 2026 Анна написала:",
        "于2026年1月5日周一 10:00写道：",
        "Ann Lee <ann@a.example>:",
        "You wrote:",
    ],
)
def test_attribution(line: str) -> None:
    assert is_attribution(line)


@pytest.mark.parametrize(
    "line",
    [
        "Hello:",
        "On Monday we will send it.",
        "I wrote to you on Monday",
        "rewrote:",
        "Please answer:",
        "x " * 200 + "wrote:",
    ],
)
def test_no_attribution(line: str) -> None:
    assert not is_attribution(line)


QUOTED = "<blockquote>old words</blockquote>"
WROTE = "On Mon, Jan 5, 2026 at 10:00 AM Ann Lee &lt;ann@a.example&gt; wrote:"


@pytest.mark.parametrize(
    ("html_body", "text"),
    [
        pytest.param(f"<p>Yes</p>{QUOTED}", "Yes", id="at the end"),
        pytest.param(f"<p>Yes</p><p>{WROTE}</p>{QUOTED}", "Yes", id="with attribution"),
        pytest.param(
            f"<p>Yes</p><p>{WROTE}</p>{QUOTED}<p>No</p>{QUOTED}<p>Bye</p>",
            "Yes\n\nNo\n\nBye",
            id="answers between the lines",
        ),
        pytest.param(
            f'<p>Yes</p><div class="gmail_quote"><div>{WROTE}</div>{QUOTED}</div>',
            "Yes",
            id="Gmail",
        ),
        pytest.param(
            f'<p>Yes</p><div class="moz-cite-prefix">{WROTE}</div><blockquote type="cite">old'
            "</blockquote><p>Bye</p>",
            "Yes\n\nBye",
            id="Thunderbird",
        ),
        pytest.param(
            '<p>Yes</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">'
            "<b>From:</b> Ann</div><div>old</div>",
            "Yes",
            id="Outlook on the web",
        ),
        pytest.param(
            "<p>Yes</p><p>________________________________</p><p><b>From:</b> Ann<br><b>Sent:</b> "
            "Monday<br><b>To:</b> Jo<br><b>Subject:</b> Hi</p><p>old</p>",
            "Yes",
            id="Outlook",
        ),
        pytest.param(
            "<p>Ja</p><p>Von: Ann<br>Gesendet: Montag<br>An: Jo<br>Betreff: Hi</p><p>alt</p>",
            "Ja",
            id="Outlook in German",
        ),
        pytest.param(
            "<p>Oui</p><p>De : Ann<br>Envoyé : lundi<br>À : Jo<br>Objet : Hi</p><p>vieux</p>",
            "Oui",
            id="Outlook in French",
        ),
        pytest.param(
            "<p>Ja</p><p>-----Ursprüngliche Nachricht-----</p><p>alt</p>",
            "Ja",
            id="original message",
        ),
        pytest.param(
            "<p>Yes</p><p>##- Please type your reply above this line -##</p><p>old</p>",
            "Yes",
            id="Zendesk's line",
        ),
        pytest.param(
            "<p>##- Bitte geben Sie Ihre Antwort oberhalb dieser Zeile ein. -##</p><p>Ja</p>",
            "Ja",
            id="an answer below Zendesk's line",
        ),
        pytest.param(f"<p>Yes</p><p>{WROTE}</p>", "Yes", id="attribution alone"),
        pytest.param(
            f"<p>Here</p>{QUOTED}<p>you see it.</p>",
            'Here\n\n"old words"\n\nyou see it.',
            id="a quotation in the midst stays",
        ),
        pytest.param(
            "<p>Send it to:</p><blockquote>1 Main St<br><br>Town</blockquote>",
            'Send it to:\n\n"1 Main St\n\nTown"',
            id="an announced quotation stays",
        ),
        pytest.param(
            "<p>a</p><blockquote>“b”</blockquote><p>c</p>",
            "a\n\n“b”\n\nc",
            id="has its marks already",
        ),
        pytest.param(QUOTED, "old words", id="nothing but a quotation"),
        pytest.param(
            f'<div class="gmail_quote">{WROTE}{QUOTED}</div>', "", id="nothing but a mail's history"
        ),
        pytest.param(
            "From: Berlin<br>To: Paris<br>Date: 5 May",
            "From: Berlin\nTo: Paris\nDate: 5 May",
            id="trip",
        ),
        pytest.param(
            "On 5 May you wrote:<br>I want two.<br>Is it so?",
            "On 5 May you wrote:\nI want two.\nIs it so?",
            id="the agent's own retelling",
        ),
        pytest.param("<p>&gt; 18 years: yes</p>", "> 18 years: yes", id="an arrow that was typed"),
    ],
)
def test_quoted_history(html_body: str, text: str) -> None:
    assert to_text(html_body) == text


@pytest.mark.parametrize(
    ("plain_body", "text"),
    [
        pytest.param("Yes\n\nOn 5 May 2026 Ann wrote:\n> old\n>\n> older\n", "Yes", id="arrows"),
        pytest.param(
            "Yes\n\nOn Mon, Jan 5, 2026 at 10:00 AM Ann\nLee <ann@a.example>\nwrote:\n\n> old",
            "Yes",
            id="wrapped attribution",
        ),
        pytest.param(
            "On 5 May 2026 Ann wrote:\n> two?\nYes\n> when?\nNow",
            "Yes\nNow",
            id="between the lines",
        ),
        pytest.param("Yes\n> old\n> older", "Yes", id="arrows at the end"),
        pytest.param("a\n> b\nc", "a\n> b\nc", id="an arrow in the midst"),
        pytest.param("Yes\n--- Original Message ---\nold", "Yes", id="original message"),
        pytest.param("> all\n> of it", "> all\n> of it", id="nothing else"),
    ],
)
def test_quoted_history_in_plain_text(plain_body: str, text: str) -> None:
    assert plain_to_text(plain_body) == text


def test_a_quotation_without_words_between_signatures_is_survived() -> None:
    sign, quote = Line("0", "signature"), Line("", "quote")

    kept = cut_history([sign, quote, sign, quote, Line("0", "quote")])

    assert kept[0] == sign
