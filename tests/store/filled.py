"""A store with a good deal in it, in words that both engines understand, and what runs on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from bridge.carriers.contract import InboundText
from bridge.carriers.registry import CAPABILITIES, answered_words
from bridge.domain.limits import Limits
from bridge.domain.settings_file import parse
from bridge.inbound.judge import Rules
from bridge.inbound.receive import take_in
from bridge.store import (
    attempts,
    conversations,
    joined,
    leases,
    listing,
    messages,
    paces,
    pieces,
    settings,
    sweeps,
    updates,
    work,
)
from bridge.store.database import Transaction
from bridge.store.settings import import_settings
from tests.store import test_console_plans, test_query_plans

SENDER: Final = "+12025550100"
CUSTOMER: Final = "+12025560009"
TICKET: Final = 9
LIMITS: Final = Limits(per_minute=100, per_ticket=30)
RULES: Final = Rules(tickets_from="anyone", capabilities=CAPABILITIES)
SETTINGS: Final = f'[[senders]]\nnumber = "{SENDER}"\ncarrier = "twilio"\n'
NUMBERED: Final = "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) "
Use = Callable[[Transaction], object]


def fill(tx: Transaction, count: int, *, failed: int) -> None:
    """So many texts of a fifth of as many customers, and what hangs on them; all of it is old."""
    words = answered_words()
    import_settings(tx, parse(SETTINGS, words), words, prune=False)
    customers = count // 5
    for table, rows, columns in _columns(count, customers, count // failed):
        names, values = ", ".join(columns), ", ".join(columns.values())
        tx.run(f"INSERT INTO {table} ({names}) {NUMBERED}SELECT {values} FROM s", rows)


def _columns(
    count: int, customers: int, failed_each: int
) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Table, how many rows, and what each column is of the row's number n."""
    who = f"(n % {customers} + 1)"
    address, talk = "'+1202' || (5560000 + n)", "'c' || (100000 + n)"
    address_of, talk_of = f"'+1202' || (5560000 + {who})", f"'c' || (100000 + {who})"
    inbound = "CASE WHEN n % 2 = 0 THEN {} ELSE {} END"
    account = "CASE WHEN {} % 2 = 0 THEN 'zendesk' ELSE 'twilio' END"
    conversation = {"id": talk, "sender": f"'{SENDER}'", "customer": address, "ticket_id": "n"}
    yield "conversations", customers, conversation | {"created_at": "n", "last_at": "n"}
    ticket = {"ticket_id": "n", "conversation_id": talk, "requester_id": "n"}
    yield "tickets", customers, ticket | {"replies_from": "0", "linked_at": "n"}
    contact = {"address": address, "name": "'May ' || n", "folded": "'may ' || n"}
    yield "contacts", customers, contact | {"created_at": "n"}
    member = {"contact": address, "list": "'vip'", "state": "'subscribed'", "since": "n"}
    yield "memberships", customers, member
    message = {
        "id": "'m' || n",
        "direction": inbound.format("'inbound'", "'outbound'"),
        "kind": inbound.format("'text'", "'reply'"),
        "conversation_id": talk_of,
        "sender": f"'{SENDER}'",
        "customer": address_of,
        "carrier": "'twilio'",
        "carrier_id": "'SM' || n",
        "body": "'hello'",
        "state": f"CASE WHEN n % {failed_each} = 0 THEN 'failed' ELSE 'done' END",
        "verdict": inbound.format("'ticket'", "NULL"),
        "created_at": "n",
        "updated_at": "n",
    }
    yield "messages", count, message
    part = {"id": "'p' || n", "message_id": "'m' || n", "position": "0", "body": "'hello'"}
    part |= {"segments": "1", "state": "'sent'", "carrier": "'twilio'", "carrier_id": "'SO' || n"}
    yield "parts", count, part | {"updated_at": "n"}
    comment = {"comment_id": "n + 100000", "ticket_id": who, "origin": "'ours'"}
    yield "comments", count, comment | {"outcome": "'sent'", "at": "n"}
    attempt = {"work_ref": "'a' || n", "message_id": "'m' || n", "kind": "'text'"}
    attempt |= {"outcome": "'done'", "words": "''", "at": "n", "took_ms": "80"}
    yield "attempts", count, attempt
    yield "updates", customers, {"ticket_id": "n", "at": "n"}
    work_row = {"ref": "'w' || n", "lane": f"'in:' || {talk_of}", "account": account.format(who)}
    work_row |= {"kind": "'text'", "conversation_id": talk_of, "due_at": "n", "created_at": "n"}
    work_row["state"] = "CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'waiting' END"
    yield "work", count // 4, work_row
    lane = {"lane": f"'in:' || {talk}", "account": account.format("n"), "due_at": "n"}
    yield "lanes", customers, lane


def accept(tx: Transaction) -> None:
    """All that happens before a carrier is answered."""
    directory = settings.load_directory(tx)
    for customer in (CUSTOMER, "+12025559999"):
        text = InboundText(
            carrier_id=f"SM new {customer}", sender=SENDER, customer=customer, body="hello"
        )
        assert take_in(tx, "twilio", text, directory, RULES) is not None
        assert take_in(tx, "twilio", text, directory, RULES) is None


def work_on_one(tx: Transaction) -> None:
    """What a worker asks and writes about one text."""
    work.next_due_in_ms(tx, "zendesk")
    updates.room(tx, LIMITS)
    (claimed,) = work.claim(tx, account="zendesk", most=1, lease_ms=1000)
    conversation_id = str(claimed.item.conversation_id)
    updates.conversation_with_turn(tx, conversation_id, LIMITS)
    conversations.current_link(tx, conversation_id)
    joined.behind(tx, claimed.item)
    work.save_intent(tx, claimed, {})
    updates.take(tx, TICKET, LIMITS, for_text=True)
    attempts.count_faults(tx, claimed.item)
    attempts.note_attempt(tx, claimed.item, outcome="done", words="", began_ms=1)
    work.finish(tx, claimed)
    leases.take_back(tx, [claimed], pause_ms=1)


def sweep(tx: Transaction) -> None:
    """A page of each far side's list."""
    messages.not_taken_in(tx, "twilio", [f"SM{number}" for number in range(20)])
    for ticket in range(1, 20):
        sweeps.is_linked(tx, ticket)
        sweeps.has_seen(tx, ticket, 1)


def send(tx: Transaction) -> None:
    """What is looked at before a text leaves."""
    since_ms = tx.now_ms() - 3_600_000
    paces.sent_since(tx, SENDER, since_ms)
    paces.sent_since(tx, SENDER, since_ms, customer=CUSTOMER)
    paces.get(tx, SENDER)


FLOWS: Final[Mapping[str, Use]] = {
    "accept": accept,
    "work on one": work_on_one,
    "claim of many": lambda tx: work.claim(tx, account="zendesk", most=20, lease_ms=1000),
    "claim of those due last": lambda tx: work.claim(
        tx, account="zendesk", most=1, lease_ms=1000, turn=2
    ),
    "sweep of a page": sweep,
    "send": send,
    "pieces": lambda tx: pieces.late(tx, 5),
    "links of a ticket": lambda tx: conversations.links_of(tx, TICKET),
    "conversation of a pair": lambda tx: conversations.open_for(tx, SENDER, CUSTOMER),
}
API: Final[Mapping[str, Use]] = {
    "API: messages": lambda tx: listing.list_messages(tx, limit=50),
    "API: messages, later page": lambda tx: listing.list_messages(tx, before=1500, limit=50),
    "API: messages of a customer": lambda tx: listing.list_messages(
        tx, customers=[CUSTOMER], limit=50
    ),
    "API: messages of a sender": lambda tx: listing.list_messages(tx, senders=[SENDER], limit=50),
    "API: messages in a state": lambda tx: listing.list_messages(tx, state="failed", limit=50),
    "API: conversations": lambda tx: listing.list_conversations(tx, before="c100050", limit=50),
    "API: contact": lambda tx: listing.contact(tx, [CUSTOMER]),
    "API: trace": lambda tx: listing.trace(tx, "m77"),
}
# They claim every due lane, of which there are many here.
TOO_BROAD: Final = {"claim", "finish", "set aside", "put off", "give back", "drop looks", "intent"}
SMALL: Final[Mapping[str, Use]] = {
    name: use for name, use in test_query_plans.USES.items() if name not in TOO_BROAD
}
# They count what waits or who is on a list, or look through texts up to a bound of their own.
COUNTING: Final = {"overview", "list sizes", "words", "words and sender"}
CONSOLE: Final[Mapping[str, Use]] = {
    f"console: {name}": use for name, use in test_console_plans.USES.items() if name not in COUNTING
}
HOT: Final[Mapping[str, Use]] = {**SMALL, **FLOWS, **API, **CONSOLE}
