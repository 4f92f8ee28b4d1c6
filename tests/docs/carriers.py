"""docs/carriers/matrix.md, made of what the carriers declare; the page says how."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.carriers.contract import Capabilities, SenderKind
from bridge.carriers.registry import CARRIERS
from bridge.carriers.spec import CarrierSpec
from tests.carriers.kits.every import KITS

SUITE = "tests/carriers/test_suite_webhooks.py"
SENDS = "tests/carriers/test_suite_sends.py"
WAY = "tests/flows/test_every_carrier.py"
KINDS: tuple[SenderKind, ...] = ("long_code", "toll_free", "short_code")

Spec = CarrierSpec[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the matrix: what is asked, how a carrier answers, and the test that shows it."""

    asked: str
    answer: Callable[[Spec], str]
    test: str


def _yes(has: Callable[[Capabilities], bool]) -> Callable[[Spec], str]:
    return lambda spec: "yes" if has(spec.capabilities) else "–"


def _words(spec: Spec) -> str:
    kinds = [kind for kind in KINDS if spec.capabilities.answers.get(kind)]
    return ", ".join(kinds) or "–"


def _files(spec: Spec) -> str:
    mms = spec.capabilities.mms
    return "–" if mms is None else f"{mms.most_files}, {mms.most_bytes / 1_000_000:g}"


def _pace(spec: Spec) -> str:
    paces = [spec.capabilities.pace.get(kind) for kind in KINDS]
    return " / ".join("–" if pace is None else f"{pace:g}" for pace in paces)


ROWS: Sequence[Row] = (
    Row(
        asked="webhooks by GET as well",
        answer=_yes(lambda can: "GET" in can.webhook_methods),
        test="tests/web/test_carriers.py::test_a_wrong_method_is_405_and_names_the_right_ones",
    ),
    Row(
        asked="a webhook's age is checked",
        answer=_yes(lambda can: can.signs_time),
        test=f"{SUITE}::test_what_was_signed_long_ago_is_refused_where_the_time_is_signed",
    ),
    Row(
        asked="long texts come as one",
        answer=_yes(lambda can: can.joins_parts),
        test="tests/inbound/test_pieces.py::test_parts_in_any_order_are_one_text",
    ),
    Row(
        asked="delivery reports",
        answer=_yes(lambda can: can.delivery_reports),
        test=f"{WAY}::test_reply_leaves_through_the_carrier_that_was_texted_and_its_report_counts",
    ),
    Row(
        asked="a send can be repeated under its key",
        answer=_yes(lambda can: can.idempotency_key),
        test=f"{SENDS}::test_the_same_text_is_asked_for_in_the_same_bytes",
    ),
    Row(
        asked="a lost send can be looked for",
        answer=_yes(lambda can: can.can_find_sent),
        test=f"{SENDS}::test_a_look_that_fails_is_never_an_absence",
    ),
    Row(
        asked="says what became of a text without a report",
        answer=_yes(lambda can: can.finds_state),
        test="tests/flows/test_lost_reports.py",
    ),
    Row(
        asked="a lost webhook can be made up for",
        answer=_yes(lambda can: can.can_list),
        test="tests/flows/test_text_sweep.py",
    ),
    Row(
        asked="tells us who has opted out",
        answer=lambda spec: (
            "yes"
            if any(error.trouble == "opted_out" for error in spec.errors.codes.values())
            else "–"
        ),
        test=f"{SENDS}::test_opted_out_is_told_from_other_refusals",
    ),
    Row(
        asked="answers STOP by itself on",
        answer=_words,
        test=f"{WAY}::test_stop_is_answered_by_one_side_and_obeyed",
    ),
    Row(
        asked="longest text (UTF-16 units)",
        answer=lambda spec: str(spec.capabilities.longest_text),
        test="tests/domain/test_segments.py",
    ),
    Row(
        asked="files along with a text: how many, MB in all",
        answer=_files,
        test="tests/flows/test_attachments.py::test_picture_goes_along_with_its_text",
    ),
    Row(
        asked="segments a second: long code / toll-free / short code",
        answer=_pace,
        test=f"{SUITE}::test_every_pace_is_of_a_kind_that_the_carrier_has",
    ),
)
CHECKED_BY = {
    "twilio": "`tests/carriers/test_twilio_signature.py`, against Twilio's SDK",
    "vonage": "`tests/oracles/test_carrier_sdks.py`, against Vonage's SDK",
    "telnyx": "`tests/oracles/test_carrier_sdks.py`, against Telnyx's SDK",
    "plivo": "`tests/oracles/test_carrier_sdks.py`, against Plivo's SDK",
    "bandwidth": "a password, no signature; `tests/carriers/test_suite_webhooks.py`",
    "sinch": "`tests/oracles/test_carrier_sdks.py`, against Sinch's SDK",
    "infobip": "a secret address, no signature; `tests/carriers/test_suite_webhooks.py`",
    "kannel": "a secret address, no signature; `tests/flows/test_kannel.py`, a real Kannel",
}
HEAD = """\
# Carriers and what they can do

Made by `.venv/bin/python -m tests.docs.carriers` from what each carrier's file declares; a test
fails when this page is not what the code says. Every carrier goes through one suite
(`tests/carriers/test_suite_webhooks.py`, `tests/carriers/test_suite_sends.py`) and, between the
real bridge and a Zendesk, through `tests/flows/test_every_carrier.py`.
"""
FOOT = """\
"–" in the pace means that the bridge does not slow a sender down there by itself; "–" at the files,
that they go as links.
"""


def page() -> str:
    """The whole page."""
    specs = list(CARRIERS.values())
    titles = " | ".join(f"[{spec.title}]({spec.name}.md)" for spec in specs)
    lines = [HEAD, f"| | {titles} |", f"|--|{'--|' * len(specs)}"]
    for row in ROWS:
        answers = " | ".join(row.answer(spec) for spec in specs)
        lines.append(f"| {row.asked} | {answers} |")
    lines += ["", FOOT, "## Which test shows it", "", "| what | test |", "|--|--|"]
    lines += [f"| {row.asked} | `{row.test}` |" for row in ROWS]
    lines += ["", "## Who a webhook is from", "", "| carrier | checked by | in the suite as |"]
    lines.append("|--|--|--|")
    for spec in specs:
        kits = ", ".join(kit.name for kit in KITS if kit.carrier == spec.name)
        lines.append(f"| {spec.title} | {CHECKED_BY[spec.name]} | {kits} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
