"""What the console asks for goes by an index, however much there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from bridge.store import (
    changes,
    inbox,
    listing,
    overview,
    people,
    replay,
    sessions,
    tallies,
    todo,
    users,
)
from bridge.store.changes import Author
from bridge.store.database import Database, Transaction, Value
from bridge.store.tallies import Tally
from tests.store.rows import BEGAN, CUSTOMER, SENDER, insert
from tests.store.test_query_plans import Explaining
from tests.stores import sqlite_only

pytestmark = sqlite_only

BY = Author(how="console", who="Robin")
# Read whole, and small by what they are; of work, an index of what waits or failed is counted, of
# contacts, one of those about whom somebody has to decide.
SMALL = (
    *("SCAN users", "SCAN pauses", "SCAN sign_in_links", "SCAN work USING "),
    "SCAN contacts USING INDEX contacts_by_wish",
    "SCAN contacts USING COVERING INDEX contacts_by_wish",
)


@dataclass(slots=True)
class Noting(Explaining):
    """A transaction that notes what it is asked."""

    asked: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)

    def explain(self, sql: str, values: Sequence[Value]) -> None:
        self.asked.append((sql, tuple(values)))


def sign_in(tx: Transaction) -> None:
    user = users.add(tx, "Robin", "admin", BY)
    users.put_link(tx, "link", user.id)
    users.find_link(tx, "link")
    sessions.may_try(tx, {"a": 1, "b": 1})
    sessions.forget_tries(tx, "a")
    sessions.begin(tx, "token", user.id)
    sessions.find(tx, "token")
    sessions.touch(tx, "token")
    sessions.end_all(tx, user.id)
    users.by_name(tx, "robin")


USES: dict[str, Callable[[Transaction], object]] = {
    "sign in": sign_in,
    "overview": overview.overview,
    "charts": lambda tx: tallies.since(tx, 1),
    "hours to count": lambda tx: tallies.hours_to_count(tx, most=8),
    "an hour": lambda tx: tallies.count_hour(tx, 3_600_000),
    "kept hours": lambda tx: tallies.keep(tx, {3_600_000: Tally()}),
    "recent": lambda tx: inbox.recent(tx, sender=None, before=None, limit=50),
    "recent, later page": lambda tx: inbox.recent(tx, sender=None, before=(9, "x"), limit=50),
    "recent of a sender": lambda tx: inbox.recent(tx, sender=SENDER, before=(9, "x"), limit=50),
    "by customer": lambda tx: inbox.by_customer(tx, "+1202"),
    "of customer": lambda tx: inbox.of_customer(tx, CUSTOMER),
    "by ticket": lambda tx: inbox.by_ticket(tx, 7),
    "by name": lambda tx: inbox.by_name(tx, "may"),
    "words": lambda tx: inbox.find_texts(tx, words="parcel", limit=50),
    "words and sender": lambda tx: inbox.find_texts(tx, words="x", sender=SENDER, limit=50),
    "state": lambda tx: inbox.find_texts(tx, state="failed", limit=50),
    "verdict": lambda tx: inbox.find_texts(tx, verdict="keyword", before=500_000, limit=50),
    "thread": lambda tx: inbox.thread(tx, "c", before=None, limit=50),
    "trace": lambda tx: (listing.trace(tx, "m"), inbox.conversation_of(tx, "m")),
    "waiting": lambda tx: todo.list_waiting(tx, after=(1, 1), limit=50),
    "one work": lambda tx: todo.work_by_ref(tx, "w"),
    "contacts": lambda tx: people.newest(tx, before=(9, "x"), limit=50),
    "contacts by number": lambda tx: people.by_address(tx, "+1", limit=50),
    "contacts by name": lambda tx: people.by_name(tx, "may", limit=50),
    "on a list": lambda tx: people.on_list(tx, "vip", state="subscribed", after="+1", limit=50),
    "undecided": lambda tx: people.undecided(tx, limit=50),
    "list sizes": lambda tx: people.list_sizes(tx, "vip"),
    "replay": lambda tx: replay.texts_since(tx, 1, before=(9, 9)),
    "changes": lambda tx: changes.list_changes(tx, before=9, limit=50),
    "changes of a kind": lambda tx: changes.list_changes(tx, subject="user", limit=50),
}


def fill(tx: Transaction) -> None:
    """One of each, so that what hangs on a row is asked for as well."""
    insert(
        tx,
        "conversations",
        id="c",
        sender=SENDER,
        customer=CUSTOMER,
        created_at=BEGAN,
        last_at=1,
    )
    insert(
        tx,
        "tickets",
        ticket_id=7,
        conversation_id="c",
        requester_id=1,
        replies_from=0,
        linked_at=1,
    )
    insert(tx, "contacts", address=CUSTOMER, name="Maya", folded="maya", created_at=BEGAN)
    for direction, state in (("inbound", "done"), ("outbound", "failed")):
        insert(
            tx,
            "messages",
            id=direction,
            direction=direction,
            kind="text",
            conversation_id="c",
            sender=SENDER,
            customer=CUSTOMER,
            carrier="twilio",
            body="parcel",
            state=state,
            created_at=BEGAN,
            updated_at=BEGAN,
        )


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_no_table_is_read_from_end_to_end(
    database: Database, use: Callable[[Transaction], object]
) -> None:
    def run(tx: Transaction) -> list[str]:
        fill(tx)
        explaining = Explaining(tx)
        use(explaining)
        return explaining.plans

    plans = await database.write(run)

    assert plans != []
    whole = [plan for plan in plans if plan.startswith("SCAN") and not plan.startswith(SMALL)]
    assert [plan for plan in whole if not plan.startswith("SCAN CONSTANT ROW")] == []


async def test_the_texts_of_an_hour_are_found_by_their_time(database: Database) -> None:
    def run(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        tallies.count_hour(explaining, 3_600_000)
        return explaining.plans

    plans = await database.write(run)

    searches = [plan for plan in plans if "SEARCH messages" in plan]
    assert len(searches) == 2
    assert all("messages_by_time (created_at>? AND created_at<?)" in one for one in searches)


async def test_the_overview_counts_no_more_texts_than_those_of_its_edges(
    database: Database,
) -> None:
    def run(tx: Transaction) -> list[tuple[str, tuple[object, ...]]]:
        current = tallies.hour_of(tx.now_ms())
        hours = [current - back * tallies.HOUR_MS for back in range(31 * 24)]
        tallies.keep(tx, {hour: Tally() for hour in hours})
        noting = Noting(tx)
        overview.overview(noting)
        return noting.asked

    asked = await database.write(run)

    spans = [values for sql, values in asked if sql in {tallies.COUNT, tallies.TIMES}]
    assert len(spans) == 4
    assert all(int(str(end)) - int(str(begin)) <= 2 * tallies.HOUR_MS for begin, end in spans)
    others = [sql for sql, _ in asked if "FROM messages" in sql]
    assert set(others) == {tallies.COUNT, tallies.TIMES, overview.UNKNOWN}


@pytest.mark.parametrize("name", ["recent", "thread", "contacts", "waiting", "changes"])
async def test_a_page_is_not_sorted_by_hand(database: Database, name: str) -> None:
    def run(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        USES[name](explaining)
        return explaining.plans

    plans = await database.write(run)

    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []
