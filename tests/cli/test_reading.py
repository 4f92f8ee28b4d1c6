"""What came and went, what failed, and who it was, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.store.database import Transaction, Value
from tests.cli.conftest import Command, Fill
from tests.store.rows import BEGAN, CUSTOMER, SENDER, insert
from tests.stores import postgres_only, sqlite_only

pytestmark = pytest.mark.both_engines

WHEN = "2026-01-02T03:04:05.678Z"


def message(tx: Transaction, name: str, **values: Value) -> str:
    row: dict[str, Value] = {
        "id": name,
        "direction": "inbound",
        "kind": "text",
        "sender": SENDER,
        "customer": CUSTOMER,
        "carrier": "twilio",
        "carrier_id": f"SM{name}",
        "body": f"text {name}",
        "state": "done",
        "verdict": "ticket",
        "created_at": BEGAN,
        "updated_at": BEGAN,
    }
    insert(tx, "messages", **{**row, **values})
    return name


def failure(tx: Transaction, ref: str) -> str:
    insert(
        tx,
        "work",
        ref=ref,
        lane="in:c1",
        account="zendesk",
        kind="text",
        state="failed",
        attempts=7,
        reason="the ticket form wants a field",
        due_at=BEGAN,
        created_at=BEGAN,
        failed_at=BEGAN,
    )
    return ref


def test_messages_come_newest_first(bridge: Command, fill: Fill) -> None:
    fill(lambda tx: [message(tx, "m1"), message(tx, "m2", ticket_id=7)])

    lines = bridge("messages").out.splitlines()

    assert lines[0].split() == ["time", "id", "from", "to", "state", "verdict", "ticket", "text"]
    ends = [CUSTOMER, SENDER, "done", "ticket"]
    assert lines[1].split() == [WHEN, "m2", *ends, "7", "text", "m2"]
    assert lines[2].split() == [WHEN, "m1", *ends, "-", "text", "m1"]


def test_messages_of_one_customer_as_json(bridge: Command, fill: Fill) -> None:
    fill(lambda tx: [message(tx, "m1"), message(tx, "m2", customer="+12025550143")])

    shown = bridge("messages", "--customer", "+1 202 555 0142", "--json").json

    assert [(m["id"], m["customer"], m["created_at"]) for m in shown["messages"]] == [
        ("m1", CUSTOMER, WHEN)
    ]
    assert len(bridge("messages", "--limit", "1", "--json").json["messages"]) == 1


def test_a_name_that_has_texted_is_a_customer(bridge: Command, fill: Fill) -> None:
    fill(lambda tx: message(tx, "m1", customer="name:MyBank"))

    assert len(bridge("messages", "--customer", "MyBank", "--json").json["messages"]) == 1
    assert bridge("messages", "--customer", "+12025550199").out == "no messages\n"


def test_a_customers_text_cannot_play_with_the_terminal(bridge: Command, fill: Fill) -> None:
    fill(lambda tx: message(tx, "m1", body="\x1b[2Jgone\r\nÄ\u202e😀" + "x" * 99))

    out = bridge("messages").out

    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "�[2Jgone  Ä�😀xxx" in out
    assert out.count("\n") == 2


def test_why_shows_the_verdict_and_every_attempt(bridge: Command, fill: Fill) -> None:
    def story(tx: Transaction) -> None:
        message(tx, "m1", why="an ordinary text")
        insert(
            tx,
            "attempts",
            work_ref="w1",
            message_id="m1",
            kind="text",
            outcome="later",
            words="Zendesk answers 503",
            at=BEGAN,
            took_ms=20,
        )

    fill(story)

    out = bridge("messages", "--why", "m1").out
    assert "why        an ordinary text\n" in out
    assert f"{WHEN} text: later, Zendesk answers 503\n" in out
    assert bridge("messages", "--why", "m1", "--json").json["attempts"][0]["outcome"] == "later"


@pytest.mark.parametrize(
    ("arguments", "empty"),
    [(["messages"], "no messages\n"), (["failed", "list"], "nothing has failed\n")],
    ids=["messages", "failed"],
)
def test_nothing_is_said_in_words_and_as_an_empty_list(
    bridge: Command, arguments: list[str], empty: str
) -> None:
    bridge("migrate")

    assert bridge(*arguments).out == empty
    assert list(bridge(*arguments, "--json").json.values()) == [[]]


def test_failed_work_is_listed_retried_and_dropped(bridge: Command, fill: Fill) -> None:
    fill(lambda tx: [failure(tx, "w1"), failure(tx, "w2"), failure(tx, "w3")])

    assert bridge("failed", "list").out.splitlines()[1].split()[:4] == [WHEN, "w3", "text", "7"]
    assert bridge("failed", "retry", "w1").out == "w1 is to be tried again\n"
    assert bridge("failed", "drop", "w2").out == "w2 is given up\n"
    assert [work["id"] for work in bridge("failed", "list", "--json").json["failed"]] == ["w3"]
    assert bridge("failed", "retry", "--all").out == "1 to be tried again\n"
    assert bridge("failed", "list", "--json").json == {"failed": []}


def test_a_contact_is_shown_with_the_ledger(bridge: Command, fill: Fill) -> None:
    def known(tx: Transaction) -> None:
        insert(tx, "contacts", address=CUSTOMER, opted_out_at=BEGAN, created_at=BEGAN)
        insert(tx, "memberships", contact=CUSTOMER, list="vip", state="subscribed", since=BEGAN)
        insert(
            tx, "consent", contact=CUSTOMER, action="opt_out", how="text", words="STOP", at=BEGAN
        )

    fill(known)

    out = bridge("contacts", "show", CUSTOMER).out
    assert "number       +1 202-555-0142\n" in out
    assert f"list vip: subscribed since {WHEN}\n" in out
    assert f"{WHEN} opt_out, by text: STOP\n" in out
    shown = bridge("contacts", "show", CUSTOMER, "--json").json
    assert shown["opted_out_at"] == WHEN
    assert shown["lists"] == [{"list": "vip", "state": "subscribed", "since": WHEN}]


@postgres_only
def test_a_backup_of_a_server_is_its_own_tools_and_leaves_nothing(
    bridge: Command, fill: Fill, folder: Path
) -> None:
    fill(lambda tx: message(tx, "m1"))

    ended = bridge("backup", "copy.db")

    assert (ended.code, ended.out) == (2, "")
    assert "pg_dump" in ended.err
    assert list(folder.iterdir()) == []


@postgres_only
def test_migrate_makes_the_tables_on_a_server(bridge: Command) -> None:
    assert bridge("migrate").out == "the database is up to date\n"
    assert bridge("messages").out == "no messages\n"


@sqlite_only
def test_a_backup_is_a_whole_database_and_never_overwrites(
    bridge: Command, fill: Fill, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(lambda tx: message(tx, "m1"))

    assert bridge("backup", "copy.db").out == "copied to copy.db\n"
    again = bridge("backup", "copy.db")

    assert (again.code, again.err.count("\n")) == (2, 1)
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "sqlite:///copy.db")
    assert [m["id"] for m in bridge("messages", "--json").json["messages"]] == ["m1"]


@sqlite_only
def test_migrate_makes_the_database(bridge: Command, folder: Path) -> None:
    assert bridge("migrate").out == "bridge.db is up to date\n"
    assert (folder / "bridge.db").exists()
    assert bridge("migrate").code == 0
