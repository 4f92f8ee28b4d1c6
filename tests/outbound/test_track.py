"""What became of a text: forward only, in any order of reports, and the agent hears of it once."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from bridge.carriers.contract import DeliveryReport, DeliveryState
from bridge.carriers.errors import CarrierError
from bridge.domain.directory import Directory, Sender, make_directory
from bridge.outbound.compose import put_text
from bridge.outbound.track import RANK, apply_state, sum_up, take_report
from bridge.store import contacts, conversations, messages, parts, work
from bridge.store.contacts import Contact
from bridge.store.database import Database, Transaction
from bridge.store.messages import Message, OutboundKind
from bridge.store.parts import EarlyReport, Part
from tests.desks.scripted import HandClock
from tests.store.rows import CUSTOMER, SENDER
from tests.stores import rows
from tests.web.far_sides import PaperCarrier

OPTED_OUT, LANDLINE, OFF = "21610", "30006", "30003"


CODES = {
    OPTED_OUT: CarrierError("opted_out", "They opted out."),
    LANDLINE: CarrierError("landline", "A landline."),
}
CARRIER = PaperCarrier("twilio", methods=frozenset({"POST"}), codes=CODES)
DIRECTORY = make_directory(senders=[Sender(number=SENDER, carrier="twilio", country="US")])


def report(
    state: DeliveryState,
    *,
    ref: str | None = None,
    carrier_id: str = "SM0",
    error: str | None = None,
) -> DeliveryReport:
    return DeliveryReport(
        carrier_id=carrier_id,
        ref=ref,
        state=state,
        error=error,
        reason=None if error is None else "the phone is off",
    )


async def queue(
    database: Database, *, kind: OutboundKind = "reply", pieces: int = 1
) -> tuple[str, list[Part]]:
    """A text in so many parts, none of which has been sent. Returns its id and them."""

    def put(tx: Transaction) -> tuple[str, list[Part]]:
        conversation = conversations.open_for(tx, SENDER, CUSTOMER)
        message_id = put_text(
            tx,
            kind=kind,
            conversation=conversation,
            carrier="twilio",
            longest=10,
            body=" ".join(["part-text"] * pieces),
            ticket_id=7,
        )
        return message_id, list(parts.of_message(tx, message_id))

    message_id, made = await database.write(put)
    assert len(made) == pieces
    return message_id, made


async def send(database: Database, *sent: Part) -> None:
    """The carrier has taken these parts: SM0, SM1 ..."""

    def accept(tx: Transaction) -> None:
        for part in sent:
            parts.begin(tx, part.id)
            apply_state(
                tx,
                CARRIER,
                parts.get(tx, part.id) or part,
                EarlyReport(state="sent", error=None, reason=None),
                DIRECTORY,
                carrier_id=f"SM{part.position}",
            )

    await database.write(accept)


async def take(
    database: Database, *reports: DeliveryReport, directory: Directory = DIRECTORY
) -> None:
    for item in reports:
        await database.write(lambda tx, r=item: take_report(tx, CARRIER, r, directory))  # type: ignore[misc]


async def message(database: Database, message_id: str) -> Message:
    found = await database.read(lambda tx: messages.get(tx, message_id))
    assert found is not None
    return found


async def notes(database: Database) -> list[dict[str, object]]:
    found = await rows(database, "SELECT payload, ticket_id FROM work WHERE kind = 'note'")
    return [json.loads(row["payload"]) | {"ticket_id": row["ticket_id"]} for row in found]


async def contact(database: Database) -> Contact:
    return await database.write(lambda tx: contacts.know(tx, CUSTOMER))


REPORTS: tuple[tuple[DeliveryState, ...], ...] = (
    ("sending", "sent", "delivered"),
    ("sent", "undelivered"),
    ("queued", "sending", "failed"),
    ("sent", "undelivered", "delivered"),
)


@pytest.mark.parametrize("states", REPORTS, ids=", ".join)
async def test_reports_in_any_order_end_the_same(
    database: Database, states: tuple[DeliveryState, ...]
) -> None:
    for order in permutations(states):
        message_id, made = await queue(database)
        carrier_id = f"SM-{message_id}"
        await take(database, *(report(s, ref=made[0].id, carrier_id=carrier_id) for s in order))

        assert (await message(database, message_id)).state == states[-1], order


@pytest.mark.parametrize("later", ["queued", "sending", "sent", "undelivered", "failed"])
async def test_what_was_delivered_stays_delivered(database: Database, later: DeliveryState) -> None:
    message_id, made = await queue(database)
    await send(database, *made)
    await take(database, report("delivered"), report(later, error=OFF))

    assert (await message(database, message_id)).state == "delivered"
    assert await notes(database) == []


async def test_a_failure_is_one_note_in_plain_words_however_often_it_is_reported(
    database: Database,
) -> None:
    message_id, made = await queue(database, pieces=2)
    await send(database, *made)
    failures = [report("undelivered", carrier_id=f"SM{n}", error=OFF) for n in (0, 0, 1)]
    await take(database, *failures, report("failed", error=OFF))

    (note,) = await notes(database)

    assert note["text"] == (
        "This reply did not reach the customer's phone: the phone is off. (code 30003)\n\n"
        "The reply: “part-text part-text”"
    )
    assert (note["tags"], note["reopen"], note["must_reach"]) == (["sms_failed"], False, True)
    assert note["ticket_id"] == 7
    row = (await rows(database, "SELECT * FROM messages WHERE id = $1", message_id))[0]
    assert (row["state"], row["error"], row["reason"]) == ("failed", OFF, "the phone is off")


async def test_a_failure_reopens_the_ticket_where_the_sender_is_set_so(
    database: Database,
) -> None:
    sender = Sender(number=SENDER, carrier="twilio", country="US", reopen_on_failure=True)
    _, made = await queue(database)
    await send(database, *made)
    await take(database, report("failed", error=OFF), directory=make_directory(senders=[sender]))

    (note,) = await notes(database)
    assert note["reopen"] is True


@pytest.mark.parametrize(
    ("kind", "told"),
    [("reply", 1), ("conversation", 1), ("auto", 0), ("opt_out_answer", 0), ("campaign", 0)],
)
async def test_only_what_an_agent_waits_for_is_noted(
    database: Database, kind: OutboundKind, told: int
) -> None:
    _, made = await queue(database, kind=kind)
    await send(database, *made)
    await take(database, report("undelivered", error=OFF))

    assert len(await notes(database)) == told


async def test_a_report_that_came_too_early_is_kept_and_applied(
    database: Database, clock: HandClock
) -> None:
    message_id, made = await queue(database)
    await take(database, report("undelivered", error=OFF))
    clock.forward(1)
    await take(database, report("delivered"))
    assert (await message(database, message_id)).state == "queued"

    early = await database.write(lambda tx: parts.take_early_reports(tx, "twilio", "SM0"))
    await send(database, *made)
    for news in early:
        await database.write(
            lambda tx, n=news: apply_state(  # type: ignore[misc]
                tx, CARRIER, parts.get(tx, made[0].id) or made[0], n, DIRECTORY
            )
        )

    assert [item.state for item in early] == ["undelivered", "delivered"]
    assert (await message(database, message_id)).state == "delivered"


async def test_a_report_about_nothing_of_ours_changes_nothing(database: Database) -> None:
    message_id, made = await queue(database)
    await send(database, *made)

    await take(
        database,
        report("failed", carrier_id="SM-of-somebody-else", error=OFF),
        report("failed", ref="no such ref", carrier_id="SM-another", error=OFF),
    )

    assert (await message(database, message_id)).state == "sent"
    assert await notes(database) == []


async def test_a_report_with_our_ref_on_another_text_does_not_touch_ours(
    database: Database,
) -> None:
    message_id, made = await queue(database)
    await send(database, *made)

    await take(database, report("failed", ref=made[0].id, carrier_id="SM-copied", error=OFF))

    assert (await message(database, message_id)).state == "sent"
    assert (await rows(database, "SELECT carrier_id FROM early_reports"))[0]["carrier_id"] == (
        "SM-copied"
    )


async def test_a_report_settles_a_send_whose_answer_was_lost(
    database: Database, clock: HandClock
) -> None:
    message_id, made = await queue(database)
    (claimed,) = await database.write(
        lambda tx: work.claim(tx, account="twilio", most=1, lease_ms=60_000)
    )
    await database.write(lambda tx: parts.begin(tx, made[0].id))
    await database.write(lambda tx: work.put_off(tx, claimed, pause_ms=60_000, reason="cut"))

    await take(database, report("sent", ref=made[0].id, carrier_id="SM9"))

    part = await database.read(lambda tx: parts.get(tx, made[0].id))
    assert part is not None
    assert (part.state, part.carrier_id) == ("sent", "SM9")
    assert (await message(database, message_id)).state == "sent"
    (lane,) = await rows(database, "SELECT due_at FROM lanes WHERE account = 'twilio'")
    assert lane["due_at"] == clock.now_ms()  # it waited for just this


async def test_an_uncertain_text_is_certain_again_once_reported(database: Database) -> None:
    message_id, made = await queue(database)

    def lose(tx: Transaction) -> None:
        parts.set_outcome(tx, made[0].id, "uncertain")
        found = messages.get(tx, message_id)
        assert found is not None
        sum_up(tx, found)

    await database.write(lose)
    assert (await message(database, message_id)).state == "uncertain"
    await take(database, report("delivered", ref=made[0].id))

    assert (await message(database, message_id)).state == "delivered"


async def test_an_opt_out_at_the_carrier_goes_into_the_ledger_once(
    database: Database, clock: HandClock
) -> None:
    message_id, made = await queue(database, pieces=2)
    await send(database, *made)
    await take(
        database,
        report("failed", error=OPTED_OUT),
        report("failed", carrier_id="SM1", error=OPTED_OUT),
    )

    assert (await contact(database)).opted_out_at == clock.now_ms()
    ledger = await rows(database, "SELECT action, how, words, sender, message_id FROM consent")
    assert [tuple(row.values()) for row in ledger] == [
        ("opt_out", "carrier", OPTED_OUT, SENDER, message_id)
    ]


async def test_a_landline_is_learnt(database: Database, clock: HandClock) -> None:
    _, made = await queue(database)
    await send(database, *made)
    await take(database, report("undelivered", error=LANDLINE))

    known = await contact(database)
    assert (known.landline_at, known.opted_out_at) == (clock.now_ms(), None)


WITH_ID = {"sent", "delivered", "undelivered", "failed"}
SUMS = [
    (("delivered", "delivered"), "delivered"),
    (("delivered", "sent"), "sent"),
    (("sent", "queued"), "sending"),
    (("queued", "queued"), "queued"),
    (("sending", "queued"), "queued"),
    (("delivered", "undelivered"), "undelivered"),
    (("undelivered", "failed"), "failed"),
    (("failed", "refused"), "refused"),
    (("delivered", "uncertain"), "uncertain"),
    (("uncertain", "undelivered"), "undelivered"),
]


@pytest.mark.parametrize(("states", "whole"), SUMS, ids=str)
async def test_a_message_stands_as_its_worst_part_or_the_one_least_far(
    database: Database, states: tuple[str, ...], whole: str
) -> None:
    for order in permutations(states):
        message_id, made = await queue(database, pieces=len(order))

        def settle(
            tx: Transaction, order: tuple[str, ...] = order, made: list[Part] = made
        ) -> None:
            for part, state in zip(made, order, strict=True):
                carrier_id = f"SM-{part.id}" if state in WITH_ID else None
                parts.set_outcome(tx, part.id, state, carrier_id=carrier_id)
            found = messages.get(tx, made[0].message_id)
            assert found is not None
            sum_up(tx, found)

        await database.write(settle)

        assert (await message(database, message_id)).state == whole, order


def test_every_state_of_a_part_has_a_rank() -> None:
    known = {"queued", "sending", "sent", "delivered", "undelivered", "failed"}

    assert set(RANK) == known | {"refused", "uncertain"}
    assert max(RANK, key=lambda state: RANK[state]) == "delivered"
