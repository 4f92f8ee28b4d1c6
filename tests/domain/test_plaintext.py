from __future__ import annotations

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.plaintext import plain_to_text, to_text

# Each is what Zendesk keeps as `html_body`; the shapes are those of its composer, of its API and
# of mail programs that agents answer from.
COMMENTS = [
    pytest.param(
        '<div class="zd-comment" dir="auto">Hello Ann,<br>&nbsp;<br>your parcel left today.<br>'
        "</div>",
        "Hello Ann,\n\nyour parcel left today.",
        id="the composer's line breaks",
    ),
    pytest.param(
        '<div class="zd-comment" dir="auto"><p dir="auto">One</p>\n<p dir="auto">Two<br>\nthree</p>'
        "</div>",
        "One\n\nTwo\nthree",
        id="paragraphs from the API",
    ),
    pytest.param(
        '<div class="zd-comment zd-comment-pre-styled" dir="auto"><div>One</div><div><br></div>'
        "<div>Two</div></div>",
        "One\n\nTwo",
        id="a mail program's lines",
    ),
    pytest.param(
        '<div class="zd-liquid-comment"><p>Hi</p></div>', "Hi", id="a macro with placeholders"
    ),
    pytest.param("<p>a</p><p>&nbsp;</p><p>&nbsp;</p><p>b</p>", "a\n\nb", id="empty paragraphs"),
    pytest.param("a<br><br><br><br>b", "a\n\nb", id="many line breaks"),
    pytest.param("just words", "just words", id="no markup"),
    pytest.param("https://a.example", "https://a.example", id="looks like a locator"),
    pytest.param(
        "<p>That is <b>very</b> <i>kind</i>, <u>thank</u>&nbsp;<code>you</code>!</p>",
        "That is very kind, thank you!",
        id="bold, italic, underlined, code",
    ),
    pytest.param("<h2>Hours</h2><p>Monday 9-5</p>", "Hours\n\nMonday 9-5", id="heading"),
    pytest.param(
        "<p>Please:</p><ul><li>turn it off</li><li>wait</li></ul><p>Thanks</p>",
        "Please:\n- turn it off\n- wait\n\nThanks",
        id="bullets",
    ),
    pytest.param(
        "<p>Steps</p><ol><li>Open it</li><li>Press <b>OK</b></li></ol>",
        "Steps\n\n1. Open it\n2. Press OK",
        id="numbers",
    ),
    pytest.param(
        '<ol start="3"><li>three</li><li value="7">seven</li><li>eight</li></ol>',
        "3. three\n7. seven\n8. eight",
        id="numbers that begin elsewhere",
    ),
    pytest.param(
        "<ul><li>fruit<ul><li>apple<ol><li>red</li></ol></li></ul></li><li>bread</li></ul>",
        "- fruit\n  - apple\n    1. red\n- bread",
        id="nested lists",
    ),
    pytest.param(
        "<ul><li><p>one</p><p>more</p></li><li></li><li><br>two</li></ul>",
        "- one\n  more\n- two",
        id="paragraphs in items, an empty item",
    ),
    pytest.param(
        '<p>See <a href="https://a.example/b?c=1&amp;d=2">our guide</a>.</p>',
        "See our guide (https://a.example/b?c=1&d=2).",
        id="link",
    ),
    pytest.param(
        '<p><a href="https://a.example/b" rel="noreferrer">https://a.example/b</a></p>',
        "https://a.example/b",
        id="link that says itself",
    ),
    pytest.param(
        'Write to <a href="mailto:help@a.example">help@a.example</a> or call'
        '<a href="tel:+12025550100"> us</a>',
        "Write to help@a.example or call us (+12025550100)",
        id="mail address and number",
    ),
    pytest.param(
        'Like <a href="/agent/tickets/12">#12</a>, <a href="javascript:void(0)">this</a>',
        "Like #12, this",
        id="links of no use outside",
    ),
    pytest.param(
        '<a href="https://a.example/"><div>One</div><div>Two</div></a>end',
        "One\nTwo\nhttps://a.example/\nend",
        id="link around blocks",
    ),
    pytest.param(
        "<table><thead><tr><th>Item</th><th>Qty</th></tr></thead><tbody><tr><td>Mug</td><td>2</td>"
        "</tr><tr><td><p>Cup</p></td><td></td></tr></tbody></table>Bye",
        "Item | Qty\nMug | 2\nCup\n\nBye",
        id="table",
    ),
    pytest.param(
        "<table><tr><td><p>One</p><p>Two</p></td><td>Three</td></tr></table>",
        "One\n\nTwo\n\nThree",
        id="table for the layout",
    ),
    pytest.param(
        "<p>Run</p><pre>\nif a &lt; b:\n    go()\n\n\nend</pre><p>ok</p>",
        "Run\n\nif a < b:\n    go()\n\n\nend\n\nok",
        id="code block",
    ),
    pytest.param(
        '<p>See <img src="https://a.example/x" alt="the label"> <img alt="image 1.PNG" src="y">'
        '<img src="z"><img alt="😀"></p>',
        "See the label 😀",
        id="pictures",
    ),
    pytest.param(
        "I &lt;3 it, a &lt; b &amp;&amp; c &gt; d, &lt;b&gt;x&lt;/b&gt; &eacute; &#128512;",
        "I <3 it, a < b && c > d, <b>x</b> é 😀",
        id="signs that were typed",
    ),
    pytest.param("I <3 it, a < b and 1<2", "I <3 it, a < b and 1<2", id="signs left unescaped"),
    pytest.param(
        "a\u00a0\u202fb\u200b\ufeffc\u00add\u2003e", "a bcd e", id="blanks and what nobody sees"
    ),
    pytest.param(
        "👩\u200d🚀 ❤\ufe0f می\u200cخواهم", "👩\u200d🚀 ❤\ufe0f می\u200cخواهم", id="joiners stay"
    ),
    pytest.param("Ok\u200e \u2068Ann\u2069", "Ok Ann", id="direction marks without need"),
    pytest.param("שלום\u200f!", "שלום\u200f!", id="direction marks with need"),
    pytest.param(
        "<style>p{}</style><script>x()</script><p hidden>a</p><p style='display: none'>b</p>"
        "<title>c</title><!-- d --><select><option>e</option></select><p>seen</p>",
        "seen",
        id="what is not shown",
    ),
    pytest.param("<p>one</p><hr><p>two</p>", "one\n\ntwo", id="rule"),
    pytest.param(
        '<span style="white-space: pre-wrap">a\n  b</span>', "a\n  b", id="white space that counts"
    ),
    pytest.param("<q>Yes</q>, H<sub>2</sub>O", '"Yes", H2O', id="inline quotation, subscript"),
    pytest.param("<dl><dt>Fee</dt><dd>5</dd></dl>", "Fee\n5", id="definitions"),
    pytest.param("<p>a<b>b</p>c</i></div> d<", "ab\n\nc d<", id="broken markup"),
    pytest.param("<![if !mso]><p>a</p><![endif]><o:p>b</o:p>", "a\n\nb", id="Word's markup"),
    pytest.param("<td>cell</td><li>item</li>", "cell\n- item", id="parts without their whole"),
    pytest.param("", "", id="nothing"),
    pytest.param("<div class='zd-comment'><br>&nbsp;</div>", "", id="nothing to see"),
]


@pytest.mark.parametrize(("html_body", "text"), COMMENTS)
def test_rich_text_becomes_plain_text(html_body: str, text: str) -> None:
    assert to_text(html_body) == text


@pytest.mark.parametrize(
    ("html_body", "kept", "left_out"),
    [
        pytest.param(
            '<p>Hi</p><div class="signature"><p dir="ltr">--<br>Jo<br>Acme</p></div>',
            "Hi\n\n--\nJo\nAcme",
            "Hi",
            id="Zendesk's",
        ),
        pytest.param("Hi<br>-- <br>Jo", "Hi\n--\nJo", "Hi", id="two hyphens"),
        pytest.param(
            '<p>Hi</p><div class="gmail_signature">Jo</div>', "Hi\n\nJo", "Hi", id="Gmail's"
        ),
        pytest.param(
            "Hi<br><br>Sent from my iPhone", "Hi\n\nSent from my iPhone", "Hi", id="a phone's"
        ),
        pytest.param("Hi<br>Jo -- Acme", "Hi\nJo -- Acme", "Hi\nJo -- Acme", id="none"),
        pytest.param(
            "one<br>--<br>" + "more<br>" * 11,
            "one\n--" + "\nmore" * 11,
            "one\n--" + "\nmore" * 11,
            id="too long to be one",
        ),
        pytest.param('<div class="signature">Jo</div>', "Jo", "", id="nothing else"),
        pytest.param(
            '<p>Hi</p><div class="signature">Jo</div><blockquote>old</blockquote>',
            "Hi\n\nJo",
            "Hi",
            id="before the history",
        ),
    ],
)
def test_signature_is_left_out_by_choice(html_body: str, kept: str, left_out: str) -> None:
    assert to_text(html_body) == kept
    assert to_text(html_body, keep_signature=False) == left_out


def test_plain_text_is_tidied_and_keeps_its_signs() -> None:
    body = "I <3 it:\u00a0a < b\r\n\r\n\r\n  - x &amp; y\r\n\r\nOn 5 May 2026 Ann wrote:\r\n> old"

    assert plain_to_text(body) == "I <3 it: a < b\n\n  - x &amp; y"
    assert plain_to_text("Hi\n-- \nJo", keep_signature=False) == "Hi"


TAGS = """
    p div span b i a li ul ol table tr td pre blockquote br img h1 q code script style title select
    a:b
    """
_ATTRIBUTES = st.sampled_from(
    [
        *("", " hidden", ' start="x"', ' alt="z"', ' href="https://a.example"', ' id="Signature"'),
        *(" class=gmail_quote", ' class="signature"', ' style="display:none"'),
        ' style="white-space:pre"',
    ]
)
_markup = st.recursive(
    st.text(st.characters(exclude_characters="<>&"), max_size=12),
    lambda inner: st.builds(
        lambda tag, attributes, content: f"<{tag}{attributes}>{''.join(content)}</{tag}>",
        st.sampled_from(TAGS.split()),
        _ATTRIBUTES,
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)


@given(_markup, st.booleans())
def test_no_tag_is_left_of_any_markup(markup: str, keep: bool) -> None:
    text = to_text(markup, keep_signature=keep)

    assert "<" not in text
    assert text == text.strip("\n").rstrip()


_debris = st.sampled_from(
    [
        *("<", ">", "</", "<!", "<![", "<!--", "-->", "<?", "&", "&#", "&#x0;", "&lt;", '"', "'"),
        *("<p", "<a href='", "</a>", "</li>", "<ul><li>", "<tr>", "<td>", "</tr>", "<table>"),
        *("<pre>", "\n", "=", " ", "<![CDATA[", "]]>", "<script>", "</script", "\ud83d", "\x00"),
        *("<blockquote>", "</blockquote>", "<br>", "-- ", "On 1 Ann wrote:", "> x", "word"),
        *("From: a", "Sent: b", "Subject: c"),
    ]
)


@given(st.lists(_debris, max_size=40).map("".join) | st.text(max_size=80), st.booleans())
def test_nothing_raises_and_everything_can_be_encoded(markup: str, keep: bool) -> None:
    to_text(markup, keep_signature=keep).encode()
    plain_to_text(markup, keep_signature=keep).encode()


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=80))
def test_what_an_agent_types_arrives_as_typed(typed: str) -> None:
    # Marks of mail history are the one thing that is taken out of typed text.
    words = " ".join(re.sub(r"[>:#-]", "", typed).split())

    assert to_text(f"<p>{html.escape(words)}</p>") == words


@pytest.mark.parametrize(
    "markup",
    [
        pytest.param("<a " * 20_000, id="tags that never end"),
        pytest.param("<!--" * 16_000, id="comments that never end"),
        pytest.param("<a b='>" * 9_000, id="attributes that never end"),
        pytest.param("<div>" * 12_000 + "x", id="nested blocks"),
        pytest.param("<blockquote>" * 5_000 + "x", id="nested quotations"),
        pytest.param("<ul><li>" * 7_000 + "x", id="nested lists"),
        pytest.param("<table><tr><td>" * 4_000 + "x", id="nested tables"),
        pytest.param("<br>" * 16_000, id="line breaks"),
        pytest.param("<p>&gt; x</p>" * 5_000, id="arrows"),
    ],
)
def test_the_worst_comment_takes_no_time(markup: str) -> None:
    began = time.process_time()

    to_text(markup)

    assert time.process_time() - began < 5
