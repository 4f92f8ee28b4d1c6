"""An agent's comment as the plain text a person would type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bridge.domain.quotes import Line, cut_history, cut_signature
from bridge.domain.richtext import read_lines, visible

_DIRECTION_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)


def to_text(html_body: str, *, keep_signature: bool = True) -> str:
    """Return a comment's `html_body` as the text to send; never raises, whatever the markup.

    Quoted history is left out, the agent's signature by choice. Nothing is left of a comment that
    holds no words (files alone, or mail history alone).
    """
    return _tidy(read_lines(html_body), keep_signature=keep_signature)


def plain_to_text(plain_body: str, *, keep_signature: bool = True) -> str:
    """Return a comment's `plain_body`, tidied and without quoted history as `to_text` does."""
    lines = visible(plain_body).splitlines()
    return _tidy([Line(line.rstrip()) for line in lines], keep_signature=keep_signature)


def _tidy(lines: Sequence[Line], *, keep_signature: bool) -> str:
    kept = cut_history(lines)
    if not keep_signature:
        kept = cut_signature(kept)
    text = "\n".join(_without_wide_gaps(kept)).strip("\n").rstrip()
    return text if _RIGHT_TO_LEFT.search(text) else _DIRECTION_MARKS.sub("", text)


def _without_wide_gaps(lines: Sequence[Line]) -> Iterator[str]:
    before = "text"
    for line in lines:
        if line.text or before or line.kind == "code":
            yield line.text
        before = line.text
