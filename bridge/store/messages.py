"""Texts as rows: taken in, judged, composed, and how they stand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

from bridge.store.database import Row, Transaction

MESSAGES = "messages"  # the topic announced when a message changes
OutboundKind = Literal["reply", "auto", "opt_out_answer", "conversation", "campaign"]
Recovered = Literal["missed", "withheld"]  # its webhook got lost; the carrier held the text back


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One text, either way. Times are UTC milliseconds; `media` is the carrier's links, or what
    an agent attached.

    `recovered` says how a sweep came to find it, `sent_at` then when it was sent.
    """

    seq: int
    id: str
    direction: Literal["inbound", "outbound"]
    kind: str
    conversation_id: str | None
    sender: str
    customer: str
    carrier: str
    body: str
    media: tuple[Mapping[str, Any], ...]
    handled: Literal["STOP", "START", "HELP"] | None
    verdict: str | None
    why: str | None
    state: str
    ticket_id: int | None
    comment_id: int | None
    cause_id: str | None
    told_agent: int  # 0 no, 1 yes, 2 yes, and a human has had it tried again since
    created_at: int
    sent_at: int | None
    recovered: Recovered | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A text from a customer, as it came. Fields as in `Message`."""

    id: str
    sender: str
    customer: str
    carrier: str
    carrier_id: str
    body: str
    media: tuple[Mapping[str, str], ...]
    handled: Literal["STOP", "START", "HELP"] | None
    sent_at: int | None
    recovered: Recovered | None
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was decided about a text, and why."""

    verdict: str
    why: str
    rule: str | None
    state: str
    conversation_id: str | None


T = TypeVar("T", Message, Arrival)


def add_inbound(tx: Transaction, text: Arrival, judged: Judged) -> None:
    """Keep a text as it came, with what was decided about it.

    A carrier's id that is there already is an error: whoever keeps a text has looked for it.
    """
    tx.run(
        "INSERT INTO messages (id, direction, kind, sender, customer, carrier, carrier_id, body, "
        "media, handled, sent_at, recovered, state, verdict, why, rule, conversation_id, "
        "created_at, updated_at) VALUES ($1, 'inbound', 'text', $2, $3, $4, $5, $6, $7, $8, $9, "
        "$10, $11, $12, $13, $14, $15, $16, $16)",
        *(text.id, text.sender, text.customer, text.carrier, text.carrier_id, text.body),
        *(json.dumps(text.media) if text.media else "[]", text.handled, text.sent_at),
        *(text.recovered, judged.state, judged.verdict, judged.why, judged.rule),
        *(judged.conversation_id, text.created_at),
    )
    tx.announce(MESSAGES)


def add_outbound(
    tx: Transaction,
    *,
    message_id: str,
    kind: OutboundKind,
    conversation_id: str,
    sender: str,
    customer: str,
    carrier: str,
    body: str,
    segments: int,
    ticket_id: int | None = None,
    comment_id: int | None = None,
    cause_id: str | None = None,
    idempotency_key: str | None = None,
    recovered: Recovered | None = None,
    state: str = "queued",
    media: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Keep a text that is to be sent."""
    now = tx.now_ms()
    tx.run(
        "INSERT INTO messages (id, direction, kind, conversation_id, sender, customer, carrier, "
        "body, state, segments, ticket_id, comment_id, cause_id, idempotency_key, recovered, "
        "media, created_at, updated_at) VALUES ($1, 'outbound', $2, $3, $4, $5, $6, $7, $8, $9, "
        "$10, $11, $12, $13, $14, $15, $16, $16)",
        *(message_id, kind, conversation_id, sender, customer, carrier, body, state, segments),
        *(ticket_id, comment_id, cause_id, idempotency_key, recovered),
        *(json.dumps(list(media)), now),
    )
    tx.announce(MESSAGES)


def get(tx: Transaction, message_id: str) -> Message | None:
    """One text by our id."""
    row = tx.first("SELECT * FROM messages WHERE id = $1", message_id)
    return None if row is None else _read(Message, row)


def not_taken_in(tx: Transaction, carrier: str, carrier_ids: Sequence[str]) -> set[str]:
    """Those of a carrier's ids of texts to us that we don't have."""
    missing = set(carrier_ids)
    for carrier_id in carrier_ids:
        known = tx.first(
            "SELECT 1 FROM messages WHERE carrier = $1 AND carrier_id = $2 "
            "AND direction = 'inbound'",
            *(carrier, carrier_id),
        )
        if known is not None:
            missing.discard(carrier_id)
    return missing


def by_idempotency_key(tx: Transaction, key: str) -> Message | None:
    """The text that an API caller has queued under this key before."""
    row = tx.first("SELECT * FROM messages WHERE idempotency_key = $1", key)
    return None if row is None else _read(Message, row)


def waiting_for(tx: Transaction, sender: str) -> Sequence[Arrival]:
    """Texts kept for a number that was no sender of ours, in order of arrival."""
    rows = tx.all(
        "SELECT * FROM messages WHERE sender = $1 AND state = 'waiting' ORDER BY seq", sender
    )
    return [_read(Arrival, row) for row in rows]


def count_answers(tx: Transaction, conversation_id: str, *, since_ms: int) -> int:
    """How many automatic answers were queued in a conversation since then."""
    row = tx.first(
        "SELECT count(*) AS n FROM messages WHERE conversation_id = $1 AND kind = 'auto' "
        "AND created_at > $2",
        *(conversation_id, since_ms),
    )
    return 0 if row is None else int(row["n"])


def set_verdict(tx: Transaction, text: Arrival, judged: Judged) -> None:
    """Keep what was decided about a text that had waited for it."""
    tx.run(
        "UPDATE messages SET verdict = $1, why = $2, rule = $3, state = $4, conversation_id = $5, "
        "updated_at = $6 WHERE id = $7",
        *(judged.verdict, judged.why, judged.rule, judged.state, judged.conversation_id),
        *(tx.now_ms(), text.id),
    )
    tx.announce(MESSAGES)


def set_state(
    tx: Transaction,
    message_id: str,
    state: str,
    *,
    error: str | None = None,
    reason: str | None = None,
) -> None:
    """Note how a text stands now, and what went wrong with it if something did."""
    tx.run(
        "UPDATE messages SET state = $1, error = $2, reason = $3, updated_at = $4 WHERE id = $5",
        *(state, error, reason, tx.now_ms(), message_id),
    )
    tx.announce(MESSAGES)


def note_wait(tx: Transaction, message_id: str, reason: str) -> bool:
    """Note why a text waits. Returns whether that is news."""
    sql = (
        "UPDATE messages SET reason = $1, updated_at = $2 "
        "WHERE id = $3 AND coalesce(reason, '') <> $1"
    )
    is_news = tx.run(sql, reason, tx.now_ms(), message_id) > 0
    if is_news:
        tx.announce(MESSAGES)
    return is_news


def set_content(
    tx: Transaction,
    message_id: str,
    *,
    body: str,
    segments: int,
    media: Sequence[Mapping[str, Any]],
) -> None:
    """Note what is sent, once it is known which files go along."""
    tx.run(
        "UPDATE messages SET body = $1, segments = $2, media = $3, updated_at = $4 WHERE id = $5",
        *(body, segments, json.dumps(list(media)), tx.now_ms(), message_id),
    )
    tx.announce(MESSAGES)


def set_ticket(tx: Transaction, message_id: str, ticket_id: int, comment_id: int | None) -> None:
    """Note the comment that a text stands in."""
    tx.run(
        "UPDATE messages SET ticket_id = $1, comment_id = $2, state = 'done', error = NULL, "
        "reason = NULL, updated_at = $3 WHERE id = $4",
        *(ticket_id, comment_id, tx.now_ms(), message_id),
    )
    tx.announce(MESSAGES)


def tell_agent_once(tx: Transaction, message_id: str) -> bool:
    """Whether a note about this text's failure is still owed; it is not from now on."""
    sql = "UPDATE messages SET told_agent = 1 WHERE id = $1 AND told_agent <> 1"
    return tx.run(sql, message_id) > 0


def _read(kind: type[T], row: Row) -> T:
    """The record whose fields are columns of the same names."""
    values = {field.name: row[field.name] for field in fields(kind)}
    return kind(**{**values, "media": tuple(json.loads(row["media"]))})
