"""What the console asks for goes by an index, however much there is."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.store import changes, inbox, listing, overview, people, replay, sessions, todo, users
from bridge.store.changes import Author
from bridge.store.database import Database, Transaction
from tests.store.rows import BEGAN, CUSTOMER, SENDER, insert
from tests.store.test_query_plans import Explaining
from tests.stores import sqlite_only

pytestmark = sqlite_only

BY = Author(how="console", who="Robin")
# Read whole, and small by what they are; of work, an index of what waits or failed is counted.
SMALL = ("SCAN users", "SCAN pauses", "SCAN sign_in_links", "SCAN work USING ")


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


async def test_the_overview_reads_one_day_and_nothing_older(database: Database) -> None:
    def run(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        overview.overview(explaining)
        return explaining.plans

    plans = await database.write(run)

    by_time = [plan for plan in plans if "messages_by_time (created_at>?)" in plan]
    assert [overview.COUNTS in plan for plan in by_time] == [True, False]
    assert overview.TIMES in by_time[1]


@pytest.mark.parametrize("name", ["recent", "thread", "contacts", "waiting", "changes"])
async def test_a_page_is_not_sorted_by_hand(database: Database, name: str) -> None:
    def run(tx: Transaction) -> list[str]:
        explaining = Explaining(tx)
        USES[name](explaining)
        return explaining.plans

    plans = await database.write(run)

    assert [plan for plan in plans if "TEMP B-TREE" in plan] == []
