"""Comments in their three forms: plain text, HTML, and HTML read back as text."""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser

_BLOCKS = {"p", "div", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "pre", "tr"}


def text_to_html(text: str) -> str:
    """Write plain text as Zendesk shows it: escaped, paragraphs and line breaks kept."""
    paragraphs = text.replace("\r\n", "\n").split("\n\n")
    inner = "".join(
        f'<p dir="auto">{escape(part, quote=False).replace(chr(10), "<br>")}</p>'
        for part in paragraphs
    )
    return wrap(inner)


def wrap(html: str) -> str:
    """Put a comment's HTML into the frame that Zendesk puts it into."""
    return f'<div class="zd-comment" dir="auto">{html}</div>'


def html_to_text(html: str) -> str:
    """Read HTML as the plain body does: link addresses and list marks are lost."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [line.strip(" ") for line in "".join(reader.parts).split("\n")]
    return "\n".join(lines).strip("\n")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in {"script", "style"}:
            self._hidden += 1
        elif tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._hidden = max(0, self._hidden - 1)
        elif tag in _BLOCKS:
            self._break()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)

    def _break(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")
