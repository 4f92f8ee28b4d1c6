"""What stands around a wish to stop, once or over and over."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bridge.domain.wish_phrases import BEFORE, BEHIND
from bridge.domain.wishes import LONGEST_CLAUSE, wish_to_stop

POLITE = (
    "STOP! wrong person",
    "Stop, wrong number",
    "STOP you have the wrong number",
    "No thank you. Stop",
    "Not interested, stop.",
    "Stopall. No thanks",
    "revoke please",
    "Stop.\n\nSent from my iPhone",
    "Stop texting me\nSent from my Samsung Galaxy smartphone",
    "Désabonnez-moi\nEnvoyé de mon iPhone",
)
FILLERS = [one.strip() for one in f"{BEFORE},{BEHIND}".split(",") if not set("([{") & set(one)]
READ_ALL = """
import sys
from bridge.domain.wishes import wish_to_stop
for text in sys.stdin.read().splitlines():
    wish_to_stop(text)
print("read")
"""


@pytest.mark.parametrize("text", POLITE)
def test_what_goes_with_a_wish_leaves_it_whole(text: str) -> None:
    wish = wish_to_stop(text)

    assert wish is not None
    assert wish.is_all


def test_no_repetition_takes_exponential_time() -> None:
    # What reads them one way after the other needs years: a process, as it can't be interrupted.
    repeated = [f"{one} " * (LONGEST_CLAUSE // (len(one) + 1) - 9) for one in FILLERS]
    repeated += ["stop texting me " * 11, "stop " * 36, "svp ever again please " * 8]
    texts = [f"{lead}{one}answer" for one in repeated for lead in ("", "stop texting me ")]
    assert any(100 < len(text) <= LONGEST_CLAUSE for text in texts)

    done = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        input="\n".join(texts),
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )

    assert done.stdout.strip() == "read"
