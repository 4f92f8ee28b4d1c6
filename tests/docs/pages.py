"""The project's Markdown, cut into what can be checked: links, tables, blocks of code."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_LABEL = re.compile(r"<!-- (\w+) -->\n$")
_COMMENT = re.compile(r"<!--.*?-->")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")  # it may go on in the next line
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code; `label` is the word of a comment on the line before it."""

    language: str
    label: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One Markdown file; `name` is its path from the root."""

    name: str
    text: str

    @property
    def blocks(self) -> list[Block]:
        """Blocks of code, in order."""
        found = []
        for fence in _FENCE.finditer(self.text):
            label = _LABEL.search(self.text[: fence.start()])
            found.append(
                Block(
                    language=fence[2],
                    label=label[1] if label else None,
                    text=textwrap.dedent(fence[3]),
                )
            )
        return found

    @property
    def prose(self) -> str:
        """The page without its blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """Where its links lead, as written."""
        return _LINK.findall(self.prose)

    @property
    def code(self) -> list[str]:
        """What stands in backticks within the prose."""
        return [" ".join(code.split()) for code in _CODE.findall(self.prose)]

    @property
    def anchors(self) -> set[str]:
        """Its headings as links name them."""
        headings = [heading.lower() for heading in _HEADING.findall(self.prose)]
        return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}

    def under(self, heading: str) -> str:
        """What stands under a heading, up to the next of the same depth or a higher one."""
        level = len(heading) - len(heading.lstrip("#"))
        start = self.text.index(f"{heading}\n") + len(heading)
        rest = self.text[start:]
        following = re.search(rf"^#{{1,{level}}} ", rest, re.MULTILINE)
        return rest[: following.start()] if following else rest


def rows(text: str) -> Iterator[tuple[str, ...]]:
    """The rows of the tables in a text, cell by cell without backticks; heads left out."""
    lines = [_COMMENT.sub("", line).strip() for line in text.splitlines()]
    for number, line in enumerate(lines):
        if not line.startswith("|") or set(line) <= set("|-: "):
            continue
        if number + 1 < len(lines) and lines[number + 1].startswith("|--"):
            continue  # the head of a table
        cells = re.split(r"(?<!\\)\|", line.strip("|"))
        yield tuple(cell.strip().replace("`", "").replace("\\|", "|") for cell in cells)


def every_page() -> dict[str, Page]:
    """All pages that belong to the project, by name."""
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")]
    names = sorted(str(file.relative_to(ROOT)) for file in files)
    return {name: Page(name=name, text=(ROOT / name).read_text(encoding="utf-8")) for name in names}
