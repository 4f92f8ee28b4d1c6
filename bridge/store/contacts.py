"""Contacts, their consent (a ledger that only grows) and their lists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from bridge.store.database import Row, Transaction

Action = Literal["opt_out", "opt_in", "subscribe", "unsubscribe", "asked_to_confirm"]
How = Literal["text", "carrier", "agent", "admin", "api"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What we know of a phone at the other end. Times are UTC milliseconds.

    `stop_wish` is the text that may be a wish to stop, which nobody has decided yet.
    """

    address: str
    name: str | None
    email: str | None
    requester_id: int | None
    opted_out_at: int | None
    opted_in_at: int | None
    landline_at: int | None
    tags: tuple[str, ...]
    fields: Mapping[str, str]
    stop_wish: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a change of consent comes from: the evidence that the ledger keeps.

    `said_at_ms` is when it was said, where that was long ago: a later word then holds.
    """

    how: How
    sender: str | None = None
    words: str | None = None
    rule: str | None = None
    message_id: str | None = None
    said_at_ms: int | None = None


def know(tx: Transaction, address: str) -> Contact:
    """The contact with this address, made if it is the first time."""
    made = tx.first(
        "INSERT INTO contacts (address, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING "
        "RETURNING *",
        *(address, tx.now_ms()),
    )
    if made is not None:
        return contact_of(made)
    found = get(tx, address)
    assert found is not None, "just made"  # noqa: S101 - the primary key sees to it
    return found


def get(tx: Transaction, address: str) -> Contact | None:
    """A contact by its address."""
    row = tx.first("SELECT * FROM contacts WHERE address = $1", address)
    return None if row is None else contact_of(row)


def set_requester(tx: Transaction, address: str, requester_id: int | None) -> None:
    """Remember (or forget) the desk's user behind this phone."""
    tx.run("UPDATE contacts SET requester_id = $1 WHERE address = $2", requester_id, address)


def set_name(tx: Transaction, address: str, name: str) -> None:
    """Remember what the desk calls this customer."""
    tx.run(
        "UPDATE contacts SET name = $1, folded = $2 WHERE address = $3",
        *(name, name.casefold(), address),
    )


def set_landline(tx: Transaction, address: str, *, is_landline: bool) -> None:
    """Remember that a carrier says this number takes no texts (a text from it says it does)."""
    at = tx.now_ms() if is_landline else None
    tx.run("UPDATE contacts SET landline_at = $1 WHERE address = $2", at, address)


def add_tags(tx: Transaction, address: str, tags: Iterable[str]) -> None:
    """Add tags to a contact."""
    have = know(tx, address).tags
    both = sorted({*have, *tags})
    tx.run("UPDATE contacts SET tags = $1 WHERE address = $2", json.dumps(both), address)


def set_fields(tx: Transaction, address: str, fields: Mapping[str, str]) -> None:
    """Set fields of a contact; others stay."""
    both = {**know(tx, address).fields, **fields}
    kept = json.dumps(both, sort_keys=True, ensure_ascii=False)
    tx.run("UPDATE contacts SET fields = $1 WHERE address = $2", kept, address)


def note_wish(tx: Transaction, address: str, message_id: str) -> None:
    """Remember that this text may be a wish to stop, until somebody decides."""
    know(tx, address)
    tx.run("UPDATE contacts SET stop_wish = $1 WHERE address = $2", message_id, address)


def drop_wish(tx: Transaction, address: str) -> None:
    """It was no wish to stop."""
    tx.run("UPDATE contacts SET stop_wish = NULL WHERE address = $1", address)


def opt_out(tx: Transaction, address: str, source: Source) -> None:
    """Nothing more may be sent to this contact, from any number of ours.

    Times that were told later are whole seconds: of two words in one second the opt-out holds. What
    is told later may have been said before what is known: that stays.
    """
    know(tx, address)
    _note(tx, address, "opt_out", None, source)
    tx.run(
        "UPDATE contacts SET opted_in_at = NULL, stop_wish = NULL, "
        "opted_out_at = CASE WHEN opted_out_at > $1 THEN opted_out_at ELSE $1 END "
        "WHERE address = $2 "
        "AND ($3 = 0 OR opted_in_at IS NULL OR opted_in_at < $1 + 1000)",
        *(_said_at(tx, source), address, int(source.said_at_ms is not None)),
    )


def opt_in(tx: Transaction, address: str, source: Source) -> None:
    """The contact may be texted again."""
    know(tx, address)
    _note(tx, address, "opt_in", None, source)
    tx.run(
        "UPDATE contacts SET opted_out_at = NULL, stop_wish = NULL, "
        "opted_in_at = CASE WHEN opted_in_at > $1 THEN opted_in_at ELSE $1 END "
        "WHERE address = $2 "
        "AND ($3 = 0 OR opted_out_at IS NULL OR opted_out_at < $1)",
        *(_said_at(tx, source), address, int(source.said_at_ms is not None)),
    )


def date_opt_in(tx: Transaction, carrier: str, carrier_id: str, said_at_ms: int) -> None:
    """Learn when an opt-in was said whose webhook did not tell: it may have come long after, and
    an opt-out that was said in between holds."""
    said = tx.first(
        "SELECT c.contact, c.at FROM messages m JOIN consent c "
        "ON c.contact = m.customer AND c.message_id = m.id AND c.action = 'opt_in' "
        "WHERE m.carrier = $1 AND m.carrier_id = $2 AND m.direction = 'inbound'",
        *(carrier, carrier_id),
    )
    if said is not None:  # of thousands of texts hardly one
        tx.run(
            "UPDATE contacts SET opted_in_at = $1 "
            "WHERE address = $2 AND opted_in_at = $3 AND opted_in_at > $1",
            *(said_at_ms, said["contact"], said["at"]),
        )


def subscribe(tx: Transaction, address: str, lists: Iterable[str], source: Source) -> None:
    """Put the contact on lists."""
    _set_lists(tx, address, lists, source, action="subscribe", state="subscribed")


def unsubscribe(tx: Transaction, address: str, lists: Iterable[str], source: Source) -> None:
    """Take the contact off lists."""
    _set_lists(tx, address, lists, source, action="unsubscribe", state="unsubscribed")


def ask_to_confirm(tx: Transaction, address: str, lists: Iterable[str], source: Source) -> None:
    """The contact was asked to confirm with YES; on no list until then."""
    _set_lists(tx, address, lists, source, action="asked_to_confirm", state="pending")


def pending_lists(tx: Transaction, address: str) -> Mapping[str, str | None]:
    """Lists that wait for this contact's YES, each with the rule that asked."""
    rows = tx.all(
        "SELECT list, rule FROM memberships WHERE contact = $1 AND state = 'pending'", address
    )
    return {str(row["list"]): row["rule"] for row in rows}


def lists_of(tx: Transaction, address: str) -> frozenset[str]:
    """The lists that the contact is on."""
    sql = "SELECT list FROM memberships WHERE contact = $1 AND state = 'subscribed'"
    return frozenset(str(row["list"]) for row in tx.all(sql, address))


def last_opt_out(tx: Transaction, address: str) -> Source | None:
    """Where the newest opt-out came from, None where there never was one."""
    row = tx.first(
        "SELECT * FROM consent WHERE contact = $1 AND action = 'opt_out' ORDER BY id DESC LIMIT 1",
        address,
    )
    if row is None:
        return None
    return Source(
        how=row["how"],
        sender=row["sender"],
        words=row["words"],
        rule=row["rule"],
        message_id=row["message_id"],
    )


def _set_lists(
    tx: Transaction,
    address: str,
    lists: Iterable[str],
    source: Source,
    *,
    action: Action,
    state: str,
) -> None:
    know(tx, address)
    for name in lists:
        _note(tx, address, action, name, source)
        tx.run(
            "INSERT INTO memberships (contact, list, state, since, rule) VALUES "
            "($1, $2, $3, $4, $5) ON CONFLICT (contact, list) DO UPDATE SET "
            "state = excluded.state, since = excluded.since, rule = excluded.rule",
            *(address, name, state, tx.now_ms(), source.rule),
        )


def _note(
    tx: Transaction, address: str, action: Action, list_name: str | None, source: Source
) -> None:
    tx.run(
        "INSERT INTO consent (contact, sender, action, list, how, words, rule, message_id, at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *(address, source.sender, action, list_name, source.how, source.words, source.rule),
        *(source.message_id, _said_at(tx, source)),
    )


def _said_at(tx: Transaction, source: Source) -> int:
    return tx.now_ms() if source.said_at_ms is None else source.said_at_ms


def contact_of(row: Row) -> Contact:
    """A contact from a row that has all of its columns."""
    return Contact(
        address=row["address"],
        name=row["name"],
        email=row["email"],
        requester_id=row["requester_id"],
        opted_out_at=row["opted_out_at"],
        opted_in_at=row["opted_in_at"],
        landline_at=row["landline_at"],
        tags=() if row["tags"] == "[]" else tuple(json.loads(row["tags"])),
        fields={} if row["fields"] == "{}" else json.loads(row["fields"]),
        stop_wish=row["stop_wish"],
    )
