"""Rows as the flows would have written them, for what only reads."""

from __future__ import annotations

from dataclasses import replace

from bridge.store.database import Database, Transaction, Value
from bridge.store.messages import Arrival, Judged

SENDER = "+12025550100"
CUSTOMER = "+12025550142"
BEGAN = 1_767_323_045_678  # 2026-01-02T03:04:05.678Z


TICKET = Judged(
    verdict="ticket", why="an ordinary text", rule=None, state="received", conversation_id="c"
)
ARRIVAL = Arrival(
    id="m",
    sender=SENDER,
    customer=CUSTOMER,
    carrier="twilio",
    carrier_id="SMm",
    body="hello",
    media=(),
    handled=None,
    sent_at=None,
    recovered=None,
    created_at=BEGAN,
)


def arrival(message_id: str, **changes: object) -> Arrival:
    """A text as it came, with an id of ours and one of the carrier's like it."""
    return replace(ARRIVAL, **{"id": message_id, "carrier_id": f"SM{message_id}", **changes})  # type: ignore[arg-type]


def insert(tx: Transaction, table: str, **values: Value) -> None:
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    tx.run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", *values.values())


async def add(database: Database, table: str, **values: Value) -> None:
    await database.write(lambda tx: insert(tx, table, **values))


async def add_message(database: Database, message_id: str, **values: Value) -> None:
    inbound = values.get("direction", "inbound") == "inbound"
    row: dict[str, Value] = {
        "id": message_id,
        "direction": "inbound",
        "kind": "text" if inbound else "reply",
        "sender": SENDER,
        "customer": CUSTOMER,
        "carrier": "twilio",
        "carrier_id": f"SM{message_id}" if inbound else None,
        "body": f"text {message_id}",
        "state": "done" if inbound else "sent",
        "created_at": BEGAN,
        "updated_at": BEGAN,
    }
    await add(database, "messages", **{**row, **values})


async def add_part(database: Database, message_id: str, position: int, **values: Value) -> None:
    row: dict[str, Value] = {
        "id": f"{message_id}-{position}",
        "message_id": message_id,
        "position": position,
        "body": "part",
        "segments": 1,
        "state": "sent",
        "carrier": "twilio",
        "carrier_id": f"SM{message_id}{position}",
        "updated_at": BEGAN,
    }
    await add(database, "parts", **{**row, **values})


async def add_failed_work(database: Database, ref: str, **values: Value) -> None:
    row: dict[str, Value] = {
        "ref": ref,
        "lane": "in:c1",
        "account": "zendesk",
        "kind": "text",
        "message_id": None,
        "state": "failed",
        "attempts": 7,
        "starts": 3,
        "reason": "the ticket form wants a field",
        "due_at": BEGAN,
        "created_at": BEGAN,
        "failed_at": BEGAN,
    }
    await add(database, "work", **{**row, **values})
