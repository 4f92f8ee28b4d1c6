"""What came and went, read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.clock import SystemClock
from bridge.store import listing
from bridge.store.database import Database, Row, Transaction, Value
from tests.store.rows import BEGAN, CUSTOMER, SENDER, add, add_message, add_part
from tests.stores import open_store, sqlite_only


@pytest.fixture
async def database(store_url: str) -> AsyncIterator[Database]:
    async with open_store(store_url, SystemClock()) as opened:
        yield opened


class Explaining:
    """A transaction that keeps the plan of every query it runs."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.plans: list[str] = []

    def all(self, sql: str, *values: Value) -> list[Row]:
        plan = self._tx.all(f"EXPLAIN QUERY PLAN {sql}", *values)
        self.plans.extend(str(row["detail"]) for row in plan)
        return list(self._tx.all(sql, *values))

    def first(self, sql: str, *values: Value) -> Row | None:
        rows = self.all(sql, *values)
        return rows[0] if rows else None

    def run(self, sql: str, *values: Value) -> int:
        return self._tx.run(sql, *values)

    def now_ms(self) -> int:
        return self._tx.now_ms()

    def announce(self, topic: str) -> None:
        self._tx.announce(topic)


async def ids(database: Database, **filters: object) -> list[str]:
    found = await database.read(
        lambda tx: listing.list_messages(tx, **{"limit": 50, **filters})  # type: ignore[arg-type]
    )
    return [message.id for message in found]


async def test_messages_come_newest_first(database: Database) -> None:
    for message_id in ("a", "b", "c"):
        await add_message(database, message_id)

    assert await ids(database) == ["c", "b", "a"]


async def test_pages_meet_without_gap_or_overlap_while_texts_arrive(
    database: Database,
) -> None:
    for number in range(7):
        await add_message(database, str(number))

    seen: list[str] = []
    before: int | None = None
    while True:
        mark = before
        page = await database.read(
            lambda tx, m=mark: listing.list_messages(tx, before=m, limit=3)  # type: ignore[misc]
        )
        if not page:
            break
        seen += [message.id for message in page]
        before = page[-1].seq
        await add_message(database, f"late-{before}")

    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"customers": [CUSTOMER]}, ["c", "a"], id="customer"),
        pytest.param({"senders": ["US:50500"]}, ["c", "b"], id="sender"),
        pytest.param({"state": "failed"}, ["c"], id="state"),
        pytest.param({"customers": [CUSTOMER], "senders": ["US:50500"]}, ["c"], id="both"),
        pytest.param({"senders": ["GB:50500", "US:50500"]}, ["c", "b"], id="any of several"),
        pytest.param({"senders": ["GB:50500", "CA:50500"]}, [], id="none of several"),
        pytest.param({"customers": ["+12025550199"]}, [], id="nobody"),
    ],
)
async def test_filters_narrow_the_list(
    database: Database, filters: dict[str, object], expected: list[str]
) -> None:
    await add_message(database, "a")
    await add_message(database, "b", sender="US:50500", customer="+447700900123")
    await add_message(database, "c", sender="US:50500", state="failed")

    assert await ids(database, **filters) == expected


async def test_an_outbound_message_carries_its_parts_in_order(database: Database) -> None:
    await add_message(database, "in")
    await add_message(database, "out", direction="outbound")
    await add_part(database, "out", 1, state="failed", error="30003", segments=2)
    await add_part(database, "out", 0, state="delivered")

    out, inbound = await database.read(lambda tx: listing.list_messages(tx, limit=2))

    assert [(part.state, part.segments) for part in out.parts] == [("delivered", 1), ("failed", 2)]
    assert inbound.parts == ()


async def test_a_trace_holds_verdict_attempts_and_open_work(database: Database) -> None:
    await add_message(database, "a", verdict="ticket", why="no rule fits", rule="default")
    for outcome in ("later", "done"):
        await add(
            database,
            "attempts",
            work_ref="w1",
            message_id="a",
            kind="text",
            outcome=outcome,
            words=f"it was {outcome}",
            at=BEGAN,
            took_ms=12,
        )
    await add(
        database,
        "work",
        ref="w2",
        lane="in:c",
        account="zendesk",
        kind="note",
        message_id="a",
        state="waiting",
        due_at=BEGAN + 5,
        created_at=BEGAN,
    )

    found = await database.read(lambda tx: listing.trace(tx, "a"))

    assert found is not None
    assert (found.message.verdict, found.message.rule) == ("ticket", "default")
    assert [attempt.words for attempt in found.attempts] == ["it was later", "it was done"]
    assert [(work.ref, work.due_at_ms) for work in found.work] == [("w2", BEGAN + 5)]
    assert await database.read(lambda tx: listing.trace(tx, "b")) is None


async def test_conversations_come_newest_begun_first(database: Database) -> None:
    for number, customer in enumerate([CUSTOMER, "+447700900123", "+447700900124"]):
        await add(
            database,
            "conversations",
            id=f"0{number}",
            sender=SENDER,
            customer=customer,
            created_at=BEGAN,
        )

    first = await database.read(lambda tx: listing.list_conversations(tx, limit=2))
    rest = await database.read(
        lambda tx: listing.list_conversations(tx, before=first[-1].id, limit=2)
    )
    one = await database.read(
        lambda tx: listing.list_conversations(tx, customers=[CUSTOMER], limit=2)
    )

    assert [conversation.id for conversation in first] == ["02", "01"]
    assert [conversation.id for conversation in rest] == ["00"]
    assert [conversation.customer for conversation in one] == [CUSTOMER]


async def test_a_contact_comes_with_lists_and_ledger_newest_first(
    database: Database,
) -> None:
    await add(
        database,
        "contacts",
        address="US:70700",
        name="Ann",
        tags='["vip"]',
        created_at=BEGAN,
    )
    await add(
        database,
        "memberships",
        contact="US:70700",
        list="vip",
        state="subscribed",
        since=BEGAN,
    )
    for action in ("opt_out", "opt_in"):
        await add(database, "consent", contact="US:70700", action=action, how="text", at=BEGAN)

    found = await database.read(lambda tx: listing.contact(tx, ["GB:70700", "US:70700"]))

    assert found is not None
    assert (found.name, found.tags) == ("Ann", ("vip",))
    assert [member.list for member in found.memberships] == ["vip"]
    assert [entry.action for entry in found.consent] == ["opt_in", "opt_out"]
    assert await database.read(lambda tx: listing.contact(tx, ["+12025550199"])) is None


@sqlite_only
@pytest.mark.parametrize(
    "filters",
    [
        pytest.param({}, id="all"),
        pytest.param({"customers": [CUSTOMER]}, id="customer"),
        pytest.param({"senders": [SENDER]}, id="sender"),
        pytest.param({"state": "failed"}, id="state"),
        pytest.param({"senders": ["US:50500", "GB:50500", "CA:50500"]}, id="short code"),
    ],
)
async def test_a_page_is_one_walk_along_an_index(
    database: Database, filters: dict[str, object]
) -> None:
    await add_message(database, "a", sender="US:50500")
    await add_message(database, "b", direction="outbound", sender="US:50500")
    await add_part(database, "b", 0)

    def explain(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        listing.list_messages(explaining, before=99, limit=5, **filters)  # type: ignore[arg-type]
        return explaining.plans

    plans = await database.read(explain)

    scans = [plan for plan in plans if plan.startswith("SCAN") and "wanted" not in plan]
    sorts = [plan for plan in plans if "TEMP B-TREE" in plan]
    assert any("messages" in plan for plan in plans)
    assert not [plan for plan in scans if "CONSTANT" not in plan]
    assert not sorts


@sqlite_only
async def test_conversations_of_all_are_read_without_sorting(database: Database) -> None:
    def explain(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        listing.list_conversations(explaining, before="ff", limit=5)
        return explaining.plans

    plans = await database.read(explain)

    assert plans
    assert all(plan.startswith("SEARCH") for plan in plans)
