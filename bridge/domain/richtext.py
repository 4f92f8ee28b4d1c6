"""A comment's markup, read into the lines a reader sees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from bs4 import BeautifulSoup
from bs4.element import NavigableString, Tag
from bs4.exceptions import ParserRejectedMarkup

from bridge.domain.links import shown_link
from bridge.domain.quotes import Kind, Line


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_DROPPED = _names(
    "script style title meta link template noscript object embed iframe audio video canvas svg"
    " select textarea input map"
)
_GAPPED = _names("p h1 h2 h3 h4 h5 h6 ul ol pre table blockquote hr dl")
_BLOCKS = _GAPPED | _names(
    "div section article header footer main aside nav figure figcaption address form fieldset"
    " center dt dd li tr td th thead tbody tfoot caption details summary body html"
)
_HISTORY_CLASSES = _names("gmail_quote yahoo_quoted protonmail_quote moz-cite-prefix zmail_extra")
_CUT_IDS = _names("divRplyFwdMsg appendonsend mail-editor-reference-message-container")
_SIGNATURE_CLASSES = _names("signature gmail_signature moz-signature")
_SIGNATURE_IDS = _names("Signature ms-outlook-mobile-signature")
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE
)
_PREFORMATTED = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)
_FILE_NAME = re.compile(r"\S.*\.(?:png|jpe?g|gif|webp|bmp|heic|tiff?|svg)", re.IGNORECASE)

_COLLAPSIBLE = re.compile(r"[ \t\n\r\f]+")
_STRAY_TAG = re.compile(r"<(?=[^<>]*(?:<|\Z))")
_MANY_STRAYS = 20

_NOT_SEEN = dict.fromkeys(
    [*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F, 0xAD, 0x200B, 0x2060, 0xFEFF, 0xFFFC]
)
_BLANKS = dict.fromkeys([0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F], " ")
_CHARACTERS = str.maketrans({**_NOT_SEEN, **_BLANKS, 0x85: "\n", 0x2028: "\n", 0x2029: "\n"})


def read_lines(html_body: str) -> list[Line]:
    """Return the lines of a comment's `html_body`; never raises, whatever the markup."""
    return _render(_parse(html_body))


def visible(text: str) -> str:
    """Return `text` with blanks of all widths as plain ones, and without what nobody can see.

    Surrogate pairs that came apart in JSON are joined; a lone half becomes U+FFFD.
    """
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.translate(_CHARACTERS)


def _parse(html_body: str) -> BeautifulSoup:
    html = visible(html_body)
    if html.count("<") - html.count(">") > _MANY_STRAYS:
        # html.parser takes quadratic time over tags that never end: 40 s for 60 kB of "<a ".
        html = _STRAY_TAG.sub("&lt;", html)
    # The root spares us the parser's guesses at what a text without any tag may be.
    try:
        return BeautifulSoup(f"<html>{html}", "html.parser")
    except ParserRejectedMarkup:
        return BeautifulSoup(f"<html>{html.replace('<!', '&lt;!')}", "html.parser")


def _render(soup: BeautifulSoup) -> list[Line]:
    """Walk the tree without recursion: broken markup nests thousands deep."""
    writer = _Writer()
    to_do: list[tuple[object, bool]] = [(soup, False)]
    while to_do:
        node, seen = to_do.pop()
        if isinstance(node, Tag):
            if seen:
                writer.close(node)
            elif writer.open(node):
                to_do.append((node, True))
                to_do.extend((child, False) for child in reversed(node.contents))
        elif type(node) is NavigableString:  # its kinds are comments, declarations, scripts
            writer.page.write(str(node))
    return writer.page.finish()


class _Page:
    """Lines as they are written, with the current margin; cells and links have their own."""

    def __init__(self, *, preformatted: int = 0) -> None:
        self.lines: list[Line] = []
        self.preformatted = preformatted
        self.began_blank = False  # white space at either end, for what surrounds a link
        self.ended_blank = False
        self._now: list[str] = []
        self._gap = False
        self._items: list[str] = []  # the marker of each open list item, "" once written

    def write(self, text: str) -> None:
        text = text.translate(_CHARACTERS)  # again: entities have become characters
        if self.preformatted:
            first, *others = text.replace("\r", "").expandtabs(4).split("\n")
            self._now.append(first)
            for other in others:
                self.end_line(even_if_empty=True)
                self._now.append(other)
            return
        text = _COLLAPSIBLE.sub(" ", text)
        at_start = not self._now
        self.began_blank |= at_start and not self.lines and text.startswith(" ")
        if at_start or self._now[-1].endswith(" "):
            text = text.removeprefix(" ")
        if text:
            self._now.append(text)

    def end_line(self, *, even_if_empty: bool = False) -> None:
        text = "".join(self._now)
        self._now = []
        kind: Kind = "code" if self.preformatted else "text"
        text = text.rstrip() if self.preformatted else text.strip()
        if text:
            self.add([Line(text, kind)])
        elif even_if_empty and (self.lines or not self.preformatted) and not self._awaits_item():
            self.lines.append(Line("", kind))

    def _awaits_item(self) -> bool:
        return bool(self._items and self._items[-1])

    def add(self, lines: Sequence[Line]) -> None:
        """Add whole lines, after the gap and with the margin that are due."""
        if self._gap and self.lines:
            self.lines.append(Line(""))
        self._gap = False
        for line in lines:
            margin = "  " * len(self._items)
            if line.text and self._awaits_item():
                margin = margin[2:] + self._items[-1]
                self._items[-1] = ""
            self.lines.append(Line(margin + line.text if line.text else "", line.kind))

    def block(self, *, gap: bool) -> None:
        """Begin on a new line, with an empty one before it outside of lists."""
        self.end_line()
        self._gap = self._gap or (gap and not self._items)

    def begin_list(self) -> None:
        """Begin a list: close to the line that announces it, if that ends in a colon."""
        self.block(gap=True)
        if self.lines and self.lines[-1].text.endswith(":"):
            self._gap = False

    def begin_item(self, marker: str) -> None:
        self.end_line()
        self._items.append(marker)

    def end_item(self) -> None:
        self.end_line()
        self._items.pop()

    def finish(self) -> list[Line]:
        self.ended_blank = bool(self._now) and self._now[-1].endswith(" ")
        self.end_line()
        return self.lines


_Role = Literal["link", "cell", "quote", "history", "signature"]


class _Writer:
    """Turns the opening and closing of tags into lines on the innermost page."""

    def __init__(self) -> None:
        self.page = _Page()
        self._aside: list[tuple[Tag, _Role, _Page]] = []  # and the page it interrupted
        self._rows: list[list[list[Line]]] = []
        self._numbers: list[int | None] = []  # of the next item in each open list
        self._preformatted: list[Tag] = []

    def open(self, tag: Tag) -> bool:
        """Begin a tag; False where its content is not to be read."""
        if tag.name in _DROPPED or _is_hidden(tag):
            return False
        if tag.get("id") in _CUT_IDS:
            self.page.block(gap=False)
            self.page.add([Line("", "cut")])
        role = _role(tag)
        if role is not None:
            self._turn_aside(tag, role)
        elif tag.name in _BLOCKS:
            self.page.block(gap=tag.name in _GAPPED)
        self._begin(tag)
        if _is_preformatted(tag):
            self._preformatted.append(tag)
            self.page.preformatted += 1
        return True

    def _begin(self, tag: Tag) -> None:
        match tag.name:
            case "br":
                self.page.end_line(even_if_empty=True)
            case "img":
                alt = _attribute(tag, "alt")
                self.page.write("" if _FILE_NAME.fullmatch(alt.strip()) else alt)
            case "q":
                self.page.write('"')
            case "tr":
                self._rows.append([])
            case "ul" | "ol":
                self.page.begin_list()
                self._numbers.append(_number(tag, "start", 1) if tag.name == "ol" else None)
            case "li":
                self.page.begin_item(self._marker(tag))

    def _marker(self, item: Tag) -> str:
        if not self._numbers or self._numbers[-1] is None:
            return "- "
        number = _number(item, "value", self._numbers[-1])
        self._numbers[-1] = number + 1
        return f"{number}. "

    def close(self, tag: Tag) -> None:
        """End a tag that `open` began."""
        if self._preformatted and self._preformatted[-1] is tag:
            self._preformatted.pop()
            self.page.end_line()
            self.page.preformatted -= 1
        match tag.name:
            case "q":
                self.page.write('"')
            case "tr":
                self.page.end_line()
                self._end_row(self._rows.pop())
            case "ul" | "ol":
                self._numbers.pop()
            case "li":
                self.page.end_item()
        if self._aside and self._aside[-1][0] is tag:
            self._turn_back()
        elif tag.name in _BLOCKS:
            self.page.block(gap=tag.name in _GAPPED)

    def _turn_aside(self, tag: Tag, role: _Role) -> None:
        self._aside.append((tag, role, self.page))
        if role == "link":
            self.page = _Page(preformatted=self.page.preformatted)
        else:
            self.page.block(gap=role != "cell")
            self.page = _Page()

    def _turn_back(self) -> None:
        tag, role, outer = self._aside.pop()
        inner, self.page = self.page, outer
        lines = inner.finish()
        if role == "link":
            self._end_link(inner, _attribute(tag, "href"))
        elif role == "cell":
            self._rows[-1].append(lines)
        elif any(line.text for line in lines):
            self.page.add([_marked(line, role) for line in lines])
            self.page.block(gap=True)

    def _end_link(self, inner: _Page, href: str) -> None:
        lines = [line for line in inner.lines if line.text]
        label = lines[0].text if len(lines) == 1 else ""
        if len(lines) > 1:
            self.page.block(gap=False)
            self.page.add(lines)
            self.page.block(gap=False)
        shown = shown_link(label, href)
        self.page.write(" " if inner.began_blank else "")
        self.page.write(shown if label or not any(shown in line.text for line in lines) else "")
        self.page.write(" " if inner.ended_blank else "")
        if len(lines) > 1:
            self.page.block(gap=False)

    def _end_row(self, cells: list[list[Line]]) -> None:
        filled = [cell for cell in cells if any(line.text for line in cell)]
        if all(len(cell) == 1 and cell[0].kind == "text" for cell in filled):
            if filled:
                self.page.add([Line(" | ".join(cell[0].text for cell in filled))])
            return
        for cell in filled:  # a table for the sake of the layout
            self.page.block(gap=True)
            self.page.add(cell)
        self.page.block(gap=True)


def _marked(line: Line, kind: Kind) -> Line:
    """Mark a line of a quotation or signature; only history outdoes a mark that is there."""
    if line.kind in {"text", "code"} or (kind == "history" and line.kind != "cut"):
        return Line(line.text, kind)
    return line


def _role(tag: Tag) -> _Role | None:
    classes = set(_attribute(tag, "class").split())
    name = _attribute(tag, "id")
    if classes & _SIGNATURE_CLASSES or name in _SIGNATURE_IDS:
        return "signature"
    if classes & _HISTORY_CLASSES:
        return "history"
    if tag.name == "blockquote":
        by_mail = tag.get("type") == "cite" or "border-left" in _attribute(tag, "style")
        return "history" if by_mail else "quote"
    if tag.name in {"td", "th"} and tag.parent is not None and tag.parent.name == "tr":
        return "cell"
    return "link" if tag.name == "a" else None


def _is_hidden(tag: Tag) -> bool:
    return tag.has_attr("hidden") or _HIDDEN.search(_attribute(tag, "style")) is not None


def _is_preformatted(tag: Tag) -> bool:
    if tag.name == "pre":
        return True
    if not _PREFORMATTED.search(_attribute(tag, "style")):
        return False
    # White space between blocks is the source's layout, whatever the style sheet says.
    return not any(isinstance(child, Tag) and child.name in _BLOCKS for child in tag.contents)


def _attribute(tag: Tag, name: str) -> str:
    value = tag.get(name)
    return value if isinstance(value, str) else " ".join(value or ())


def _number(tag: Tag, name: str, default: int) -> int:
    value = _attribute(tag, name).strip()
    return int(value) if re.fullmatch(r"-?[0-9]{1,9}", value) else default
