"""The checker finds each kind of broken promise in a history made by hand, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.checker import Case, find_violations
from tests.faults.ending import Consent, Ending, Message, Sent, Work, read_ending
from tests.faults.ledger import (
    AcceptedText,
    AgentReply,
    CustomerText,
    History,
    Ledger,
    WrittenComment,
    hinted_comments,
    read_ledger,
)
from tests.flows import conftest as flows
from tests.flows.cast import ACME, MAYA, settle
from tests.flows.conftest import Start, eventually

new_store, start_sandbox = flows.new_store, flows.start_sandbox  # fixtures

VIP = "50500"
JONAS = "+13125550142"

TEXTS = tuple(
    CustomerText(
        key=key,
        customer=MAYA,
        to=VIP,
        body=f"hello {key}",
        carrier_id=f"SM-{key}",
        begun_ms=at_ms,
        told_ms=at_ms + 5,
        acknowledged=True,
    )
    for key, at_ms in (("t1", 1000), ("t2", 2000))
)
STOP = CustomerText(
    key="",
    customer=MAYA,
    to=VIP,
    body="STOP",
    carrier_id="SM-stop",
    begun_ms=5000,
    told_ms=5005,
    acknowledged=True,
    opts_out=True,
)
REPLIES = tuple(
    AgentReply(keys=keys, ticket_id=1, comment_id=number, customer=MAYA, sender=VIP, hinted=True)
    for number, keys in ((21, ("r1",)), (22, ("r2", "r3")))
)


def comment(number: int, body: str, mark: str, **changes: object) -> WrittenComment:
    made = WrittenComment(
        at_ms=1000 + number,
        ticket_id=1,
        comment_id=number,
        opens_ticket=number == 11,
        by_bridge=True,
        public=True,
        mark=mark,
        body=body,
        customer=MAYA,
        external_id="m1",
    )
    return replace(made, **changes)  # type: ignore[arg-type] # its own fields


def send(name: str, body: str, at_ms: int) -> AcceptedText:
    return AcceptedText(at_ms=at_ms, carrier_id=name, sender=VIP, customer=MAYA, body=body)


def message(name: str, state: str, **changes: object) -> Message:
    direction = "inbound" if name.startswith("m") else "outbound"
    made = Message(
        id=name,
        direction=direction,
        kind="text" if direction == "inbound" else "reply",
        sender=VIP,
        customer=MAYA,
        carrier_id=None,
        comment_id=None,
        state=state,
        reason=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # its own fields


def sent(name: str, message_id: str, begun_ms: int, cause_id: str | None = None) -> Sent:
    kind = "reply" if cause_id is None else "opt_out_answer"
    return Sent(
        carrier_id=name, begun_ms=begun_ms, message_id=message_id, kind=kind, cause_id=cause_id
    )


CLEAN = Case(
    history=History(texts=(*TEXTS, STOP), replies=REPLIES),
    ledger=Ledger(
        comments=(
            comment(11, "hello t1", "m1"),
            comment(12, "hello t2", "m2"),
            comment(13, "opted out", "n1", public=False),
            comment(21, "<p>r1</p>", "", by_bridge=False),
        ),
        sends=(
            send("S1", "r1", 3000),
            send("S2", "r2", 3100),
            send("S3", "r3", 3200),
            send("S4", "bye", 5100),
        ),
        people=(MAYA, JONAS),
    ),
    ending=Ending(
        messages=(
            message("m1", "done"),
            message("m2", "done"),
            message("m3", "done"),
            message("o1", "delivered", comment_id=21),
            message("o2", "sent", comment_id=22),
            message("o3", "delivered", kind="opt_out_answer"),
        ),
        sent=(
            sent("S1", "o1", 2900),
            sent("S2", "o2", 3050),
            sent("S3", "o2", 3150),
            sent("S4", "o3", 5050, cause_id="m3"),
        ),
        consent=(
            Consent(
                customer=MAYA,
                opts_out=True,
                committed_ms=5002,
                message_id="m3",
                carrier_id="SM-stop",
            ),
        ),
        work=(Work(ref="w1", kind="sweep", state="waiting", reason=None),),
    ),
    log='{"event": "text.sent"}',
    canaries=frozenset({MAYA, "hello"}),
)


def rules(case: Case) -> list[str]:
    return [violation.rule for violation in find_violations(case)]


def with_ledger(**changes: object) -> Case:
    return replace(CLEAN, ledger=replace(CLEAN.ledger, **changes))  # type: ignore[arg-type]


def with_ending(**changes: object) -> Case:
    return replace(CLEAN, ending=replace(CLEAN.ending, **changes))  # type: ignore[arg-type]


def with_texts(change: Callable[[CustomerText], CustomerText]) -> Case:
    texts = tuple(change(text) for text in CLEAN.history.texts)
    return replace(CLEAN, history=replace(CLEAN.history, texts=texts))


def unheard(case: Case) -> Case:
    """The same, with nothing acknowledged."""
    texts = tuple(replace(text, acknowledged=False) for text in case.history.texts)
    replies = tuple(replace(reply, hinted=False) for reply in case.history.replies)
    return replace(case, history=replace(case.history, texts=texts, replies=replies))


COMMENTS, SENDS = CLEAN.ledger.comments, CLEAN.ledger.sends
MESSAGES = CLEAN.ending.messages
LATE = send("S5", "r9", 20_000)
TWICE = replace(CLEAN.ledger, sends=(*SENDS, LATE))

BROKEN = [
    ("I1", "a text is lost", with_ledger(comments=(COMMENTS[0], *COMMENTS[2:]))),
    (
        "I1",
        "a text stands twice",
        with_ledger(comments=(*COMMENTS, comment(14, "again t2", "m9"))),
    ),
    (
        "I1",
        "two texts were joined, one of them twice",
        with_ledger(comments=(comment(11, "hello t1\nhello t2\nhello t2", "m1"), *COMMENTS[2:])),
    ),
    (
        "I1",
        "a text was hidden",
        with_ledger(comments=(replace(COMMENTS[0], public=False), *COMMENTS[1:])),
    ),
    ("I1", "a reply is lost", with_ledger(sends=SENDS[1:])),
    ("I1", "a part of a reply is lost", with_ledger(sends=(*SENDS[:2], *SENDS[3:]))),
    ("I1", "an opt-out is lost", with_ending(consent=())),
    (
        "I2",
        "a text that nobody acknowledged stands twice",
        unheard(with_ledger(comments=(*COMMENTS, comment(14, "hello t2", "m9")))),
    ),
    (
        "I3",
        "a comment that nobody wrote",
        with_ledger(comments=(*COMMENTS, comment(14, "hi", "n2"))),
    ),
    (
        "I3",
        "a note twice",
        with_ledger(comments=(*COMMENTS, replace(COMMENTS[2], comment_id=15))),
    ),
    (
        "I3",
        "a text in somebody else's ticket",
        with_ledger(comments=(replace(COMMENTS[0], customer=JONAS), *COMMENTS[1:])),
    ),
    (
        "I3",
        "a second ticket",
        with_ledger(
            comments=(
                COMMENTS[0],
                replace(COMMENTS[1], ticket_id=2, opens_ticket=True),
                *COMMENTS[2:],
            )
        ),
    ),
    ("I3", "a customer twice", with_ledger(people=(MAYA, MAYA))),
    (
        "I3",
        "a reply to another number",
        with_ledger(sends=(replace(SENDS[0], customer=JONAS), *SENDS[1:])),
    ),
    (
        "I3",
        "an answer to nothing",
        with_ending(sent=(*CLEAN.ending.sent[:3], sent("S4", "o3", 5050, cause_id="m9"))),
    ),
    (
        "I3",
        "a sent text that isn't known",
        with_ledger(sends=(*SENDS, send("S5", "hi", 3300))),
    ),
    (
        "I4",
        "texts changed places",
        with_ledger(comments=(COMMENTS[1], COMMENTS[0], *COMMENTS[2:])),
    ),
    ("I4", "replies changed places", with_ledger(sends=(SENDS[1], SENDS[0], *SENDS[2:]))),
    ("I4", "parts changed places", with_ledger(sends=(SENDS[0], SENDS[2], SENDS[1], SENDS[3]))),
    (
        "I5",
        "a reply left after the opt-out",
        with_ending(sent=(sent("S1", "o1", 5003), *CLEAN.ending.sent[1:])),
    ),
    (
        "I5",
        "a reply that had left long before",
        with_ledger(sends=(*SENDS[:2], replace(SENDS[2], at_ms=16_000), SENDS[3])),
    ),
    (
        "I5",
        "an opt-out is confirmed twice",
        replace(
            with_ending(sent=(*CLEAN.ending.sent, sent("S5", "o4", 5060, cause_id="m3"))),
            ledger=replace(CLEAN.ledger, sends=(*SENDS, send("S5", "bye", 5200))),
        ),
    ),
    ("I6", "a text is still at work", with_ending(messages=(message("m1", "working"),))),
    (
        "I6",
        "a reply failed without a reason",
        with_ending(messages=(*MESSAGES, message("o4", "failed"))),
    ),
    (
        "I6",
        "work is left",
        with_ending(work=(Work(ref="w2", kind="text", state="waiting", reason=None),)),
    ),
    ("I7", "a restart sent a text", replace(CLEAN, restarted=(CLEAN.ledger, TWICE))),
    ("I8", "the file is not whole", with_ending(faults=("row 1 missing from index",))),
    ("I9", "a number is in the log", replace(CLEAN, log=f'{{"to": "{MAYA}"}}')),
]


def test_a_clean_history_has_no_violation() -> None:
    assert find_violations(CLEAN) == []


@pytest.mark.parametrize(
    ("rule", "case"), [pytest.param(rule, case, id=f"{rule} {what}") for rule, what, case in BROKEN]
)
def test_a_broken_promise_is_found(rule: str, case: Case) -> None:
    assert rule in rules(case)


def test_every_rule_has_a_case() -> None:
    assert {rule for rule, _, _ in BROKEN} == {f"I{number}" for number in range(1, 10)}


def test_what_nobody_acknowledged_may_be_missing() -> None:
    nothing = Ledger(people=CLEAN.ledger.people)
    case = replace(unheard(CLEAN), ledger=nothing, ending=Ending())

    assert rules(case) == []
    assert rules(replace(case, history=replace(case.history, swept=True))) == ["I1"] * 6


def test_texts_joined_into_one_comment_keep_their_order() -> None:
    right = with_ledger(comments=(comment(11, "12:00 hello t1\n12:01 hello t2", "m1"),))
    wrong = with_ledger(comments=(comment(11, "12:01 hello t2\n12:00 hello t1", "m1"),))

    assert rules(right) == []
    assert rules(wrong) == ["I4"]


def test_texts_that_were_on_their_way_together_may_change_places() -> None:
    case = replace(
        with_texts(lambda text: replace(text, told_ms=9000)),
        ledger=with_ledger(comments=(COMMENTS[1], COMMENTS[0], *COMMENTS[2:])).ledger,
    )

    assert rules(case) == []


def test_a_reply_that_was_refused_with_a_reason_needs_no_text() -> None:
    refused = message("o1", "refused", comment_id=21, reason="the customer has opted out")
    case = replace(
        with_ledger(sends=SENDS[1:]),
        ending=replace(
            CLEAN.ending,
            messages=(*MESSAGES[:3], refused, *MESSAGES[4:]),
            sent=CLEAN.ending.sent[1:],
        ),
    )

    assert rules(case) == []


def test_a_reply_that_was_leaving_when_the_opt_out_came_is_no_violation() -> None:
    late = replace(SENDS[2], at_ms=5050)

    assert rules(with_ledger(sends=(*SENDS[:2], late, SENDS[3]))) == []


def test_a_ticket_after_a_closed_one_is_no_violation() -> None:
    second = replace(COMMENTS[1], ticket_id=2, opens_ticket=True)
    case = with_ledger(comments=(COMMENTS[0], second, *COMMENTS[2:]), closed=frozenset({1}))

    assert rules(case) == []


def test_keys_that_could_be_mixed_up_are_refused() -> None:
    with pytest.raises(ValueError, match="only one"):
        find_violations(with_texts(lambda text: replace(text, key="t1")))


async def test_a_real_talk_is_read_from_far_sides_and_database(start_sandbox: Start) -> None:
    sandbox = await start_sandbox()
    assert sandbox.settings is not None
    told = await sandbox.twilio.customer_texts(MAYA, ACME, "hello t1")
    await settle(sandbox)
    reply = await sandbox.zendesk.agent_replies(1, "<p>r1 hello</p>")
    await eventually(lambda: len(sandbox.twilio.sent) == 1)
    await settle(sandbox)
    now_ms = sandbox.clock.now_ms()
    text = CustomerText(
        key="t1",
        customer=MAYA,
        to=ACME,
        body="hello t1",
        carrier_id=told.sid,
        begun_ms=now_ms,
        told_ms=now_ms,
        acknowledged=told.statuses == (200,),
    )
    answer = AgentReply(
        keys=("r1",),
        ticket_id=1,
        comment_id=reply.id,
        customer=MAYA,
        sender=ACME,
        hinted=reply.id in hinted_comments(sandbox.zendesk),
    )
    case = Case(
        history=History(texts=(text,), replies=(answer,)),
        ledger=read_ledger(sandbox.twilio, sandbox.zendesk),
        ending=read_ending(sandbox.settings.database_url),
    )

    assert answer.hinted
    assert find_violations(case) == []
    assert [send.body for send in case.ledger.sends] == ["r1 hello"]
    wrong = replace(text, key="t9", body="hello t9")
    broken = replace(case, history=replace(case.history, texts=(wrong,)))
    assert sorted(rules(broken)) == ["I1", "I3"]  # one is lost, one nobody sent
