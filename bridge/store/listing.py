"""Reading what came and went, for the API, the console and the CLI: newest first, page by page.

Every page is one walk along an index from where the last page ended, so the thousandth page
costs what the first does, and what arrives meanwhile moves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.store.database import Row, Transaction, Value

MESSAGE_COLUMNS = (
    "seq, id, direction, kind, sender, customer, carrier, carrier_id, body, media, handled, "
    "verdict, why, rule, state, error, reason, ticket_id, comment_id, segments, cause_id, "
    "created_at, updated_at, sent_at, recovered"
)
PART_COLUMNS = "message_id, position, carrier_id, state, segments, error, reason"
CONVERSATION_COLUMNS = (
    "id, sender, customer, ticket_id, last_inbound_at, last_outbound_at, created_at"
)
CONTACT_COLUMNS = (
    "address, name, email, requester_id, opted_out_at, opted_in_at, landline_at, tags, created_at, "
    "fields, stop_wish"
)
LARGEST_SEQ = 2**63 - 1
LAST_ID = "~"  # sorts after every id of ours
MOST_CONSENT = 1_000  # ledger entries shown of one contact, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One text that an outbound message was sent as."""

    carrier_id: str | None
    state: str
    segments: int
    error: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message as stored, with its parts in order. `sender` and `customer` are addresses."""

    seq: int
    id: str
    direction: str
    kind: str
    sender: str
    customer: str
    carrier: str
    carrier_id: str | None
    body: str
    media: tuple[Mapping[str, Any], ...]
    handled: str | None
    verdict: str | None
    why: str | None
    rule: str | None
    state: str
    error: str | None
    reason: str | None
    ticket_id: int | None
    comment_id: int | None
    segments: int | None
    cause_id: str | None
    created_at_ms: int
    updated_at_ms: int
    sent_at_ms: int | None
    recovered: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a piece of work: `at_ms` it began, `took_ms` later it ended so."""

    work_ref: str
    kind: str
    outcome: str
    words: str
    at_ms: int
    took_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """Work that still stands for a message: waiting until `due_at_ms`, or failed."""

    ref: str
    kind: str
    state: str
    attempts: int
    reason: str | None
    due_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All there is to say about a message: itself, what was tried, what is still to do."""

    message: Message
    attempts: tuple[Attempt, ...]
    work: tuple[OpenWork, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One pair of a number of ours and a customer's. Times are None where nothing was said."""

    id: str
    sender: str
    customer: str
    ticket_id: int | None
    last_inbound_at_ms: int | None
    last_outbound_at_ms: int | None
    created_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """How a contact stands to a list, and since when."""

    list: str
    state: str
    since_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEntry:
    """One line of the consent ledger."""

    action: str
    sender: str | None
    list: str | None
    how: str
    words: str | None
    rule: str | None
    message_id: str | None
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A phone at the other end and what we know of it.

    `stop_wish` is the text that may be a wish to stop, which nobody has decided yet.
    """

    address: str
    name: str | None
    email: str | None
    requester_id: int | None
    opted_out_at_ms: int | None
    opted_in_at_ms: int | None
    landline_at_ms: int | None
    tags: tuple[str, ...]
    fields: Mapping[str, str]
    stop_wish: str | None
    created_at_ms: int
    memberships: tuple[Membership, ...]
    consent: tuple[ConsentEntry, ...]


def list_messages(
    tx: Transaction,
    *,
    customers: Sequence[str] | None = None,
    senders: Sequence[str] | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[Message]:
    """Messages, newest first.

    `customers` and `senders` are addresses, any of which fits (None: all); `before` is the seq
    of the last one already seen.
    """
    values: list[Value] = [LARGEST_SEQ if before is None else before]
    terms = ["seq < $1"]
    for column, wanted in (("customer", customers), ("sender", senders)):
        if wanted is not None:
            terms.append(_one_of(column, _in_use(tx, column, wanted), values))
    if state is not None:
        terms.append(_one_of("state", [state], values))
    values.append(limit)
    sql = (
        f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE {' AND '.join(terms)} "  # noqa: S608
        f"ORDER BY seq DESC LIMIT ${len(values)}"
    )
    return messages_of(tx, tx.all(sql, *values))


def messages_of(tx: Transaction, rows: Sequence[Row]) -> list[Message]:
    """Rows of MESSAGE_COLUMNS as messages, with their parts."""
    parts = _parts_of(tx, [str(row["id"]) for row in rows if row["direction"] == "outbound"])
    return [_message(row, parts.get(str(row["id"]), ())) for row in rows]


def message_by_id(tx: Transaction, message_id: str) -> Message | None:
    """One message, None where there is none with this id."""
    sql = f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE id = $1"  # noqa: S608 - our own names
    row = tx.first(sql, message_id)
    return None if row is None else _message(row, _parts_of(tx, [message_id]).get(message_id, ()))


def trace(tx: Transaction, message_id: str) -> Trace | None:
    """A message with every attempt, oldest first, and the work that still stands for it."""
    message = message_by_id(tx, message_id)
    if message is None:
        return None
    attempts = tx.all(
        "SELECT work_ref, kind, outcome, words, at AS at_ms, took_ms FROM attempts "
        "WHERE message_id = $1 ORDER BY id",
        message_id,
    )
    work = tx.all(
        "SELECT ref, kind, state, attempts, reason, due_at AS due_at_ms FROM work "
        "WHERE message_id = $1 ORDER BY id",
        message_id,
    )
    return Trace(
        message=message,
        attempts=tuple(Attempt(**row) for row in attempts),
        work=tuple(OpenWork(**row) for row in work),
    )


def list_conversations(
    tx: Transaction,
    *,
    customers: Sequence[str] | None = None,
    before: str | None = None,
    limit: int,
) -> list[Conversation]:
    """Conversations, the newest begun first; `before` is the id of the last one already seen.

    Ids sort by the time they were made, so their own index gives the order.
    """
    values: list[Value] = [LAST_ID if before is None else before]
    terms = ["id < $1"]
    if customers is not None:
        terms.append(_one_of("customer", customers, values))
    values.append(limit)
    sql = (
        f"SELECT {CONVERSATION_COLUMNS} FROM conversations "  # noqa: S608 - our own names
        f"WHERE {' AND '.join(terms)} ORDER BY id DESC LIMIT ${len(values)}"
    )
    return [_conversation(row) for row in tx.all(sql, *values)]


def contact(tx: Transaction, addresses: Sequence[str]) -> Contact | None:
    """What is known of whichever of these addresses is known, None where none is."""
    values: list[Value] = []
    sql = (
        f"SELECT {CONTACT_COLUMNS} FROM contacts "  # noqa: S608 - our own names
        f"WHERE {_one_of('address', addresses, values)} ORDER BY created_at, address LIMIT 1"
    )
    row = tx.first(sql, *values)
    return None if row is None else _contact(tx, row)


def _in_use(tx: Transaction, column: str, wanted: Sequence[str]) -> Sequence[str]:
    """Those of many addresses that any message has.

    A short code given without its country may be any of 250 addresses; with the one that is
    meant, the page is a walk along an index instead of a sort of everything.
    """
    if len(wanted) < 2:
        return wanted
    places = ", ".join(f"(${number})" for number in range(1, len(wanted) + 1))
    sql = (
        f"WITH wanted (address) AS (VALUES {places}) SELECT address FROM wanted "  # noqa: S608
        f"WHERE EXISTS (SELECT 1 FROM messages WHERE messages.{column} = wanted.address)"
    )
    return [str(row["address"]) for row in tx.all(sql, *wanted)]


def _one_of(column: str, wanted: Sequence[str], values: list[Value]) -> str:
    if not wanted:
        return "1 = 0"
    first = len(values) + 1
    values.extend(wanted)
    places = ", ".join(f"${number}" for number in range(first, len(values) + 1))
    return f"{column} IN ({places})"


def _parts_of(tx: Transaction, ids: Sequence[str]) -> dict[str, tuple[Part, ...]]:
    if not ids:
        return {}
    values: list[Value] = []
    sql = (
        f"SELECT {PART_COLUMNS} FROM parts WHERE {_one_of('message_id', ids, values)} "  # noqa: S608
        "ORDER BY message_id, position"
    )
    found: dict[str, tuple[Part, ...]] = {}
    for row in tx.all(sql, *values):
        owner = str(row["message_id"])
        found[owner] = (*found.get(owner, ()), _part(row))
    return found


def _part(row: Row) -> Part:
    return Part(
        carrier_id=row["carrier_id"],
        state=row["state"],
        segments=row["segments"],
        error=row["error"],
        reason=row["reason"],
    )


def _message(row: Row, parts: tuple[Part, ...]) -> Message:
    return Message(
        seq=row["seq"],
        id=row["id"],
        direction=row["direction"],
        kind=row["kind"],
        sender=row["sender"],
        customer=row["customer"],
        carrier=row["carrier"],
        carrier_id=row["carrier_id"],
        body=row["body"],
        media=tuple(json.loads(str(row["media"]))),
        handled=row["handled"],
        verdict=row["verdict"],
        why=row["why"],
        rule=row["rule"],
        state=row["state"],
        error=row["error"],
        reason=row["reason"],
        ticket_id=row["ticket_id"],
        comment_id=row["comment_id"],
        segments=row["segments"],
        cause_id=row["cause_id"],
        created_at_ms=row["created_at"],
        updated_at_ms=row["updated_at"],
        sent_at_ms=row["sent_at"],
        recovered=row["recovered"],
        parts=parts,
    )


def _conversation(row: Row) -> Conversation:
    return Conversation(
        id=row["id"],
        sender=row["sender"],
        customer=row["customer"],
        ticket_id=row["ticket_id"],
        last_inbound_at_ms=row["last_inbound_at"],
        last_outbound_at_ms=row["last_outbound_at"],
        created_at_ms=row["created_at"],
    )


def _contact(tx: Transaction, row: Row) -> Contact:
    address = str(row["address"])
    memberships = tx.all(
        "SELECT list, state, since FROM memberships WHERE contact = $1 ORDER BY list", address
    )
    consent = tx.all(
        "SELECT action, sender, list, how, words, rule, message_id, at AS at_ms "
        "FROM consent "
        "WHERE contact = $1 ORDER BY id DESC LIMIT $2",
        *(address, MOST_CONSENT),
    )
    return Contact(
        address=address,
        name=row["name"],
        email=row["email"],
        requester_id=row["requester_id"],
        opted_out_at_ms=row["opted_out_at"],
        opted_in_at_ms=row["opted_in_at"],
        landline_at_ms=row["landline_at"],
        tags=tuple(str(tag) for tag in json.loads(str(row["tags"]))),
        fields=json.loads(str(row["fields"])),
        stop_wish=row["stop_wish"],
        created_at_ms=row["created_at"],
        memberships=tuple(
            Membership(list=str(m["list"]), state=str(m["state"]), since_ms=m["since"])
            for m in memberships
        ),
        consent=tuple(ConsentEntry(**entry) for entry in consent),
    )
