"""`bridge zendesk` as an operator runs it, against an account on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.zendesk import FakeZendesk
from tests.cli.conftest import Ended, run_process


@pytest.fixture
async def account() -> AsyncIterator[FakeZendesk]:
    fake = FakeZendesk(client_id="bridge-client", client_secret="client-secret")
    await fake.start()
    yield fake
    await fake.stop()


def is_empty(folder: Path) -> bool:
    return list(folder.iterdir()) == []


async def zendesk(account: FakeZendesk, folder: Path, *arguments: str) -> Ended:
    env = {
        "BRIDGE_SECRET_KEY": "k" * 32,
        "BRIDGE_ZENDESK_URL": account.url,
        "BRIDGE_ZENDESK_CLIENT_ID": "bridge-client",
        "BRIDGE_ZENDESK_CLIENT_SECRET": "client-secret",
        "BRIDGE_PUBLIC_URL": "https://sms.example.com",
    }
    return await run_process("zendesk", *arguments, env=env, cwd=folder)


async def test_setup_says_what_it_does_and_can_be_repeated(
    account: FakeZendesk, folder: Path
) -> None:
    dry = await zendesk(account, folder, "setup", "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert dry.out.startswith("create ")
    assert dry.out.endswith("nothing was changed\n")
    assert is_empty(folder)

    first = await zendesk(account, folder, "setup", "--json")
    assert {step["action"] for step in first.json["steps"]} == {"create"}
    assert [step["kind"] for step in first.json["steps"]] == ["webhook", "trigger", "view", "field"]

    second = await zendesk(account, folder, "setup", "--json")
    assert {step["action"] for step in second.json["steps"]} == {"keep"}


async def test_the_closing_automation_is_made_only_when_asked_for(
    account: FakeZendesk, folder: Path
) -> None:
    ended = await zendesk(account, folder, "setup", "--close-after", "48", "--json")

    assert [step["kind"] for step in ended.json["steps"]][-1] == "automation"


async def test_status_changes_nothing(account: FakeZendesk, folder: Path) -> None:
    before = await zendesk(account, folder, "status", "--json")
    assert {step["action"] for step in before.json["steps"]} == {"create"}
    assert is_empty(folder)

    await zendesk(account, folder, "setup")
    after = await zendesk(account, folder, "status")
    assert after.out.endswith("nothing to do\n")


async def test_teardown_takes_away_what_setup_made(account: FakeZendesk, folder: Path) -> None:
    await zendesk(account, folder, "setup")

    gone = await zendesk(account, folder, "teardown", "--json")

    assert [step["action"] for step in gone.json["steps"]] == ["remove"] * 4
    again = await zendesk(account, folder, "teardown")
    assert (again.code, again.out) == (0, "nothing to do\n")


async def test_teardown_needs_no_database(
    account: FakeZendesk, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await zendesk(account, folder, "setup")
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    gone = await zendesk(account, elsewhere, "teardown", "--json")

    assert [step["action"] for step in gone.json["steps"]] == ["remove"] * 4
    assert is_empty(elsewhere)


async def test_refused_credentials_are_one_line_and_a_failure(
    account: FakeZendesk, folder: Path
) -> None:
    account.auth.client_secret = "another"

    ended = await zendesk(account, folder, "setup")

    assert ended.code == 1
    assert ended.err.startswith("bridge: ")
    assert ended.err.count("\n") == 1
    assert "client-secret" not in ended.err


async def test_what_is_missing_is_named(folder: Path) -> None:
    ended = await run_process("zendesk", "status", env={}, cwd=folder)

    assert ended.code == 2
    assert [line.split(": ")[1] for line in ended.err.splitlines()] == [
        "BRIDGE_SECRET_KEY",
        "BRIDGE_ZENDESK_URL",
        "BRIDGE_ZENDESK_CLIENT_ID",
    ]
