"""What runs for every text finds its rows by an index, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from bridge.store import (
    acquaintance,
    comments,
    contacts,
    conversations,
    looks,
    messages,
    parts,
    sweeps,
    work,
)
from bridge.store.database import Database, Row, Transaction, Value
from bridge.store.parts import EarlyReport
from bridge.store.work import Claim
from tests.store.rows import ARRIVAL, TICKET
from tests.stores import sqlite_only


@dataclass(slots=True)
class Explaining:
    """A transaction that asks for the plan of each statement before it runs it."""

    inner: Transaction
    plans: list[str] = field(default_factory=list)

    def explain(self, sql: str, values: Sequence[Value]) -> None:
        self.plans.extend(
            f"{row['detail']}   <- {sql}"
            for row in self.inner.all(f"EXPLAIN QUERY PLAN {sql}", *values)
        )

    def all(self, sql: str, *values: Value) -> Sequence[Row]:
        self.explain(sql, values)
        return self.inner.all(sql, *values)

    def first(self, sql: str, *values: Value) -> Row | None:
        self.explain(sql, values)
        return self.inner.first(sql, *values)

    def run(self, sql: str, *values: Value) -> int:
        self.explain(sql, values)
        return self.inner.run(sql, *values)

    def now_ms(self) -> int:
        return self.inner.now_ms()

    def announce(self, topic: str) -> None:
        self.inner.announce(topic)


def put_and_claim(tx: Transaction) -> Claim:
    for _ in range(2):
        work.put(tx, lane="a", account="zendesk", kind="look", ticket_id=7)
    (claimed,) = work.claim(tx, account="zendesk", most=5, lease_ms=1000)
    return claimed


def take_in(tx: Transaction) -> None:
    acquaintance.look_up(tx, ARRIVAL)
    messages.add_inbound(tx, ARRIVAL, TICKET)
    messages.get(tx, "m")
    messages.waiting_for(tx, "+12025550100")
    messages.by_idempotency_key(tx, "k")
    messages.set_state(tx, "m", "done")
    messages.set_ticket(tx, "m", 7, 8)
    messages.tell_agent_once(tx, "m")


def know_contact(tx: Transaction) -> None:
    source = contacts.Source(how="text")
    contacts.opt_out(tx, "+12025550142", source)
    contacts.subscribe(tx, "+12025550142", ["vip"], source)
    contacts.pending_lists(tx, "+12025550142")
    contacts.lists_of(tx, "+12025550142")


def talk(tx: Transaction) -> None:
    conversation = conversations.open_for(tx, "+12025550100", "+12025550142")
    conversations.link(
        tx, conversation_id=conversation.id, ticket_id=7, requester_id=1, replies_from=0
    )
    conversations.by_customer(tx, "+12025550142")
    conversations.note_inbound(tx, conversation.id)
    comments.meet(tx, comment_id=8, ticket_id=7, origin="ours", outcome="sent")
    comments.is_known(tx, 8)
    comments.set_read_to(tx, 7, 1)
    comments.read_to(tx, 7)


def follow_parts(tx: Transaction) -> None:
    parts.of_message(tx, "m")
    parts.get(tx, "p")
    parts.by_carrier_id(tx, "twilio", "SM1")
    parts.without_end(tx, "twilio", asked=0, since_ms=1, until_ms=2, most=1)
    parts.note_asked(tx, "p", 1)
    report = EarlyReport(state="sent", error=None, reason=None)
    parts.keep_early_report(tx, carrier="twilio", carrier_id="SM1", report=report)
    parts.take_early_reports(tx, "twilio", "SM1")


def sweep(tx: Transaction) -> None:
    sweeps.plan_now(tx, "zendesk")
    sweeps.begin(tx, "twilio", "+12025550100")
    sweeps.move(tx, "twilio", "+12025550100", position="1", is_done=True)
    sweeps.is_linked(tx, 7)
    sweeps.has_seen(tx, 7, 1)
    sweeps.note_seen(tx, 7, 1)
    messages.not_taken_in(tx, "twilio", ["SM1"])
    contacts.date_opt_in(tx, "twilio", "SM1", 1)


pytestmark = sqlite_only

USES: dict[str, Callable[[Transaction], object]] = {
    "sweep": sweep,
    "put look": lambda tx: looks.put(tx, 7, "zendesk"),
    "claim": put_and_claim,
    "next due": lambda tx: work.next_due_in_ms(tx, "zendesk"),
    "finish": lambda tx: work.finish(tx, put_and_claim(tx)),
    "set aside": lambda tx: work.set_aside(tx, put_and_claim(tx), "no"),
    "put off": lambda tx: work.put_off(tx, put_and_claim(tx), pause_ms=1, reason="no"),
    "give back": lambda tx: work.give_back(tx, put_and_claim(tx)),
    "renew": lambda tx: work.renew(tx, [("a", "x")], 1),
    "hurry": lambda tx: work.hurry(tx, "a"),
    "drop looks": lambda tx: looks.join(tx, put_and_claim(tx).item),
    "intent": lambda tx: work.save_intent(tx, put_and_claim(tx), {}),
    "take in": take_in,
    "contact": know_contact,
    "conversation": talk,
    "parts": follow_parts,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_no_table_is_read_from_end_to_end(
    database: Database, use: Callable[[Transaction], object]
) -> None:
    def run(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        use(explaining)
        return explaining.plans

    plans = await database.write(run)

    assert plans != []
    scans = [plan for plan in plans if plan.startswith("SCAN")]
    # "one" is a row without a table, which the outer join of a text's facts begins with.
    assert [one for one in scans if not one.startswith(("SCAN CONSTANT ROW", "SCAN one "))] == []


async def test_a_plan_that_reads_a_whole_table_is_seen(database: Database) -> None:
    def run(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        explaining.all("SELECT * FROM messages WHERE body = $1", "hello")
        return explaining.plans

    (plan,) = await database.write(run)

    assert plan.startswith("SCAN messages")


async def test_links_of_a_ticket_are_found_by_the_ticket(database: Database) -> None:
    def run(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        conversations.links_of(explaining, 7)
        return explaining.plans

    plans = await database.write(run)

    assert any("ticket_id=?" in plan for plan in plans)
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
