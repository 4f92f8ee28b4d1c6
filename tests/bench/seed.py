"""Fills a SQLite file with texts, people and their consent, as years of use would leave it.

python -m tests.bench.seed FILE [--messages 1000000] [--contacts 100000] [--days 60]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from bridge.clock import SystemClock
from bridge.domain.settings_file import parse
from bridge.store import settings
from bridge.store.sqlite import SqliteDatabase
from bridge.tallying import Tallying
from bridge.web.admin.rule_form import CARRIERS

DAY_MS: Final = 24 * 3600 * 1000
SENDERS: Final = tuple(f"+1202555{number:04}" for number in range(100, 112))
WORDS: Final = ("where is my parcel", "thanks a lot", "please call me", "it is broken", "hello")
NAMES: Final = ("May", "Robin", "Kim", "Alex", "Sam", "Lou", "Jo", "Noor", "Ada", "Finn")
REASONS: Final = ("the phone is off", "not a mobile number", "blocked by the network", "too long")
SETTINGS: Final = "\n".join(
    [f'[[senders]]\nnumber = "{one}"\ncarrier = "twilio"' for one in SENDERS]
    + ['[[lists]]\nname = "vip"', '[[keywords]]\nwords = ["JOIN"]\nlists = ["vip"]']
)
Row = tuple[str | int | None, ...]


def main() -> None:
    """Fill the file that the command line names."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("file", type=Path)
    ask.add_argument("--messages", type=int, default=1_000_000)
    ask.add_argument("--contacts", type=int, default=100_000)
    ask.add_argument("--days", type=int, default=60)
    asked = ask.parse_args()
    if asked.file.exists():
        ask.error(f"{asked.file} is there already")
    began = time.perf_counter()
    asyncio.run(seed(asked.file, asked.messages, asked.contacts, asked.days))
    print(f"seeded in {time.perf_counter() - began:.0f} s")


async def seed(file: Path, messages: int, contacts: int, days: int) -> None:
    """Make the file: the service's own schema, filled past its code, then counted by it."""
    database = SqliteDatabase(str(file), SystemClock())
    await database.open()
    parsed = parse(SETTINGS, CARRIERS)
    await database.write(lambda tx: settings.import_settings(tx, parsed, CARRIERS, prune=False))
    await database.close()
    fill(file, messages, contacts, days)
    await database_counted(file)


async def database_counted(file: Path) -> None:
    """Count every hour, as a running service would in its first minutes."""
    database = SqliteDatabase(str(file), SystemClock())
    await database.open()
    tallying = Tallying(database)
    for _ in range(100):
        await tallying.go_on(40)
    await database.close()


def fill(file: Path, messages: int, contacts: int, days: int) -> None:
    """Write the rows, a batch to a statement."""
    chance = random.Random(7)
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        now_ms = int(time.time() * 1000)
        begin_ms = now_ms - days * DAY_MS
        customers = [f"+1303{2_000_000 + number}" for number in range(contacts)]
        people = (
            (one, f"{chance.choice(NAMES)} {at}", f"{chance.choice(NAMES)} {at}".casefold(),
             json.dumps([]), begin_ms + at)
            for at, one in enumerate(customers)
        )  # fmt: skip
        _put(connection, "contacts", "address name folded tags created_at", people)
        consent = (
            (one, SENDERS[at % 12], "opt_out" if at % 20 == 0 else "opt_in", "text", begin_ms + at)
            for at, one in enumerate(customers)
        )
        _put(connection, "consent", "contact sender action how at", consent)
        members = ((one, "vip", "subscribed", begin_ms) for one in customers[::4])
        _put(connection, "memberships", "contact list state since", members)
        talks = (
            (
                f"c{at}",
                SENDERS[at % 12],
                one,
                at + 1,
                now_ms - at * 997,
                begin_ms,
                now_ms - at * 997,
            )
            for at, one in enumerate(customers)
        )
        columns = "id sender customer ticket_id last_inbound_at created_at last_at"
        _put(connection, "conversations", columns, talks)
        links = ((at + 1, f"c{at}", 1, begin_ms, begin_ms) for at in range(contacts))
        _put(connection, "tickets", "ticket_id conversation_id requester_id replies_from linked_at",
             links)  # fmt: skip
        _put_messages(connection, chance, messages, customers, (begin_ms, now_ms))


def _put_messages(
    connection: sqlite3.Connection,
    chance: random.Random,
    messages: int,
    customers: list[str],
    between: tuple[int, int],
) -> None:
    begin_ms, now_ms = between
    step = (now_ms - begin_ms) / messages
    columns = (
        "id direction kind conversation_id sender customer carrier carrier_id body verdict "
        "rule state reason ticket_id created_at updated_at"
    )
    texts = _texts(chance, messages, customers, begin_ms, step)
    _put(connection, "messages", columns, texts)
    parts = (
        (f"p{at}", f"m{at}", 0, "done", 1, "delivered", "twilio", f"SO{at}", begin_ms)
        for at in range(1, messages, 2)
    )
    columns = "id message_id position body segments state carrier carrier_id updated_at"
    _put(connection, "parts", columns, parts)
    tries = (
        (f"w{at}", f"m{at}", "send" if at % 2 else "text", "done", "", begin_ms, 80)
        for at in range(messages)
    )
    _put(connection, "attempts", "work_ref message_id kind outcome words at took_ms", tries)
    work = (
        (f"w-{at}", f"in:c{at}", "zendesk", "text", f"m{at * 2}", "failed" if at % 2 else
         "waiting", "Zendesk refused it", now_ms, now_ms, now_ms if at % 2 else None)
        for at in range(2000)
    )  # fmt: skip
    columns = "ref lane account kind message_id state reason due_at created_at failed_at"
    _put(connection, "work", columns, work)


def _texts(
    chance: random.Random, messages: int, customers: list[str], begin_ms: int, step: float
) -> Iterator[Row]:
    for at in range(messages):
        who = chance.randrange(len(customers))
        is_in = at % 2 == 0
        lost = chance.random() < 0.02
        state = (
            ("failed" if lost else "done") if is_in else ("undelivered" if lost else "delivered")
        )
        created = begin_ms + int(at * step)
        yield (
            *(
                f"m{at}",
                "inbound" if is_in else "outbound",
                "text" if is_in else "reply",
                f"c{who}",
            ),
            *(SENDERS[who % 12], customers[who], "twilio", f"SM{at}" if is_in else None),
            f"{chance.choice(WORDS)} {at}",
            *("ticket" if is_in else None, None, state),
            *(chance.choice(REASONS) if lost else None, who + 1),
            *(created, created + chance.randrange(300, 9000)),
        )


def _put(connection: sqlite3.Connection, table: str, columns: str, rows: Iterable[Row]) -> None:
    names = columns.split()
    places = ", ".join("?" * len(names))
    began = time.perf_counter()
    made = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL "
        "AND tbl_name = ?",
        (table,),
    ).fetchall()
    for name, _ in made:
        connection.execute(f"DROP INDEX {name}")  # one built at once is many times quicker
    connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", rows)
    for _, statement in made:
        connection.execute(statement)
    connection.commit()
    print(f"{table:14}{time.perf_counter() - began:7.1f} s", flush=True)


if __name__ == "__main__":
    main()
