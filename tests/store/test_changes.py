"""The log of changes: what is written, that it stays, and what comes with every change."""

from __future__ import annotations

from functools import partial

import pytest

from bridge.domain.directory import CarrierWords, DeskRecord
from bridge.domain.settings_file import parse
from bridge.store import changes, failed, settings, users
from bridge.store.changes import Author, Change
from bridge.store.database import Database
from tests.store.rows import add_failed_work
from tests.stores import Against

ROBIN = Author(how="console", who="Robin")
CARRIERS: CarrierWords = {"twilio": {}}
FILE = """
[[senders]]
number = "+12025550100"
carrier = "twilio"

[[lists]]
name = "vip"

[[keywords]]
words = ["JOIN"]
lists = ["vip"]
reply = "{reply}"
"""


async def logged(database: Database, subject: str | None = None) -> list[Change]:
    return await database.read(lambda tx: changes.list_changes(tx, subject=subject, limit=100))


async def import_file(database: Database, reply: str, by: Author = ROBIN) -> None:
    file = parse(FILE.format(reply=reply), CARRIERS)
    await database.write(
        lambda tx: settings.import_settings(tx, file, CARRIERS, prune=False, by=by)
    )


async def test_an_import_is_logged_entry_by_entry_with_before_and_after(
    database: Database,
) -> None:
    await import_file(database, "Welcome")
    await import_file(database, "Hello", Author(how="command", who="root"))
    await import_file(database, "Hello")

    last, rule, *_ = await logged(database)

    assert (last.how, last.who, last.subject, last.name) == (
        *("command", "root", "keyword rule", "JOIN"),
    )
    assert (last.what, last.before, last.after) == (
        *("changed reply", {"reply": "Welcome"}, {"reply": "Hello"}),
    )
    assert (rule.who, rule.what, rule.before) == ("Robin", "added", None)
    assert rule.after == {"words": ["JOIN"], "lists": ["vip"], "reply": "Welcome"}
    assert [one.name for one in await logged(database)] == [
        *("JOIN", "JOIN", "vip", "+12025550100"),
    ]


async def test_a_removed_entry_is_logged_whole(database: Database) -> None:
    await import_file(database, "Welcome")
    file = parse("[[lists]]\nname = 'vip'\n", CARRIERS)

    await database.write(
        lambda tx: settings.import_settings(tx, file, CARRIERS, prune=True, by=ROBIN)
    )

    removed = {one.name: one for one in await logged(database) if one.what == "removed"}
    assert set(removed) == {"JOIN", "+12025550100"}
    assert removed["JOIN"].before == {"words": ["JOIN"], "lists": ["vip"], "reply": "Welcome"}


async def test_what_is_set_up_at_the_desk_is_logged_without_its_secret(
    database: Database,
) -> None:
    record = DeskRecord(url="https://acme.zendesk.com", webhook_id="w", signing_secret="sealed")

    for _ in range(2):
        await database.write(lambda tx: settings.save_desk(tx, record))
    await database.write(lambda tx: settings.save_desk(tx, DeskRecord()))

    gone, made = await logged(database, "desk")
    assert made.after == {"url": "https://acme.zendesk.com", "webhook_id": "w"}
    assert (gone.what, gone.before, gone.after) == ("torn down", made.after, {})


async def test_retrying_and_giving_up_are_logged(database: Database) -> None:
    for ref in ("w1", "w2"):
        await add_failed_work(database, ref)

    await database.write(lambda tx: failed.retry(tx, "w1", ROBIN))
    await database.write(lambda tx: failed.retry(tx, "w1", ROBIN))
    await database.write(lambda tx: failed.drop(tx, "w2", Author(how="api")))

    given_up, retried = await logged(database, "failed work")
    assert (retried.who, retried.name, retried.what) == ("Robin", "w1", "tried again")
    assert (given_up.how, given_up.who, given_up.what) == ("api", None, "given up")
    assert retried.before is not None
    assert retried.before["reason"] == "the ticket form wants a field"


async def test_pages_go_on_where_the_last_one_ended(database: Database) -> None:
    for name in "abcde":
        await database.write(partial(users.add, name=name, role="viewer", by=ROBIN))

    first = await database.read(lambda tx: changes.list_changes(tx, limit=3))
    second = await database.read(
        lambda tx: changes.list_changes(tx, subject="user", before=first[-1].id, limit=3)
    )

    assert [one.name for one in (*first, *second)] == ["e", "d", "c", "b", "a"]


@pytest.mark.parametrize("sql", ["UPDATE changes SET who = 'nobody'", "DELETE FROM changes"])
async def test_a_line_is_never_changed_or_taken_out(database: Database, sql: str) -> None:
    await import_file(database, "Welcome")

    with pytest.raises(Against, match="never changed"):
        await database.write(lambda tx: tx.run(sql))

    assert len(await logged(database)) == 3
