"""On which line of a TOML text each entry and key stands. The parser itself doesn't tell.

Only for texts that the parser has accepted, so nothing is checked here a second time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY: Final = re.compile(
    r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_TOKEN: Final = re.compile(
    r"""\"\"\"|'''|"(?:[^"\\]|\\.)*"|'[^']*'|\#.*|[\[\]{}]""",
)
_OPENING: Final = {"[": 1, "{": 1, "]": -1, "}": -1}

Place = tuple[str | int, ...]


@dataclass(slots=True)
class _Scan:
    """Where the scan is: inside which section, value or string."""

    section: Place = ()
    depth: int = 0
    quotes: str = ""
    counts: Counter[str] = field(default_factory=Counter)


def index_lines(text: str) -> dict[Place, int]:
    """Line numbers, from 1, by place: ("senders", 0), ("senders", 0, "carrier") ...

    Entries of one section are counted from 0, in the order in which they stand.
    """
    lines: dict[Place, int] = {}
    scan = _Scan()
    for number, line in enumerate(text.split("\n"), start=1):
        rest = line
        if not scan.quotes and scan.depth == 0:
            header = _HEADER.match(line)
            if header:
                scan.section = _enter(scan, header[1], _parts(header[2]))
                lines.setdefault(scan.section, number)
                continue
            key = _KEY.match(line)
            if key:
                place = scan.section
                for part in _parts(key[1]):
                    place = (*place, part)
                    lines.setdefault(place, number)
                rest = line[key.end() :]
        _follow(scan, rest)
    return lines


def line_of(lines: Mapping[Place, int], place: Place) -> int | None:
    """The line of a place, or of the nearest thing around it."""
    for length in range(len(place), 0, -1):
        for found in (place[:length], (*place[:length], 0)):  # a section is where it begins
            if found in lines:
                return lines[found]
    return None


def _enter(scan: _Scan, brackets: str, parts: list[str]) -> Place:
    first, *below = parts
    if brackets == "[[" and not below:
        scan.counts[first] += 1
    if scan.counts[first]:
        return (first, scan.counts[first] - 1, *below)
    return (first, *below)


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", dotted)]


def _follow(scan: _Scan, rest: str) -> None:
    """Keep count of brackets and of strings over several lines, to the end of a line."""
    position = 0
    while position < len(rest):
        if scan.quotes:
            position = _skip_string(scan, rest, position)
            continue
        token = _TOKEN.search(rest, position)
        if token is None:
            return
        if token[0] in {'"""', "'''"}:
            scan.quotes = token[0]
        scan.depth += _OPENING.get(token[0], 0)
        position = token.end()


def _skip_string(scan: _Scan, rest: str, position: int) -> int:
    end = re.compile(r'(?:[^"\\]|\\.|"(?!""))*"""' if scan.quotes == '"""' else r".*?'''")
    found = end.match(rest, position)
    if found is None:
        return len(rest)
    scan.quotes = ""
    return found.end()
