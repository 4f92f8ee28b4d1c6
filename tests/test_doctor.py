"""`bridge doctor` between the sandbox's far sides: each trouble by its finding, with its mend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest

from bridge.app import Service
from bridge.carriers.contract import Finding
from bridge.doctor import run_doctor
from bridge.sandbox.demo import Sandbox
from bridge.settings import load_settings
from bridge.store import signatures, sweeps, work
from tests.cli.conftest import run_process
from tests.flows.conftest import QUICK, eventually, free_port

MAYA = "+12025550123"
ACME = "+12025550100"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    made = Sandbox(folder=tmp_path, port=free_port(), changes=QUICK)
    await made.start()
    yield made
    await made.stop()


async def examine(environment: Mapping[str, str]) -> list[Finding]:
    return list(await run_doctor(load_settings(environment, env_file=None)))


async def troubles(sandbox: Sandbox, **changes: str) -> dict[str, Finding]:
    """What is NOT right, by what was checked, with the sandbox's settings changed."""
    found = await examine({**sandbox._environment, **changes})
    assert all(finding.mend for finding in found if not finding.ok)
    return {finding.check: finding for finding in found if not finding.ok}


def is_empty(folder: Path) -> bool:
    return list(folder.iterdir()) == []


def running(sandbox: Sandbox) -> Service:
    assert sandbox.service is not None
    return sandbox.service


async def test_all_is_well_and_the_exit_code_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = await run_process("doctor", "--json", env=sandbox._environment, cwd=tmp_path)

    assert (ended.code, ended.err) == (0, "")
    found = {finding["check"]: finding for finding in ended.json["findings"]}
    assert all(finding["ok"] and not finding["mend"] for finding in found.values())
    assert {
        "settings",
        "database",
        "senders",
        "work",
        "public address",
        "zendesk log-in",
        "clock against Zendesk",
        "zendesk webhook",
        "zendesk trigger",
        "zendesk view",
        "zendesk field",
        "zendesk webhook secret",
        "twilio account",
        "clock against Twilio",
        f"twilio number {ACME}",
    } <= set(found)


async def test_one_trouble_is_enough_to_fail(sandbox: Sandbox, tmp_path: Path) -> None:
    environment = {**sandbox._environment, "BRIDGE_TWILIO_AUTH_TOKEN": "another"}

    ended = await run_process("doctor", env=environment, cwd=tmp_path)

    assert ended.code == 1
    lines = ended.out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("NOT ")]
    assert lines[at].startswith("NOT twilio credentials: ")
    assert lines[at + 1].startswith("    set BRIDGE_TWILIO_ACCOUNT_SID and BRIDGE_TWILIO_AUTH")


async def test_a_wrong_client_secret_is_sought_in_the_admin_center(sandbox: Sandbox) -> None:
    found = await troubles(sandbox, BRIDGE_ZENDESK_CLIENT_SECRET="another")

    assert set(found) == {"zendesk log-in"}
    assert "Admin Center" in found["zendesk log-in"].mend


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://acme.invalid", "the host name can't be resolved"),
        ("http://127.0.0.1:1", "no connection"),
    ],
    ids=["unknown", "nobody there"],
)
async def test_a_host_that_cannot_be_reached_is_no_matter_of_scopes(
    sandbox: Sandbox, url: str, why: str
) -> None:
    found = await troubles(sandbox, BRIDGE_ZENDESK_URL=url)

    assert set(found) == {"zendesk log-in"}
    assert why in found["zendesk log-in"].detail
    assert "BRIDGE_ZENDESK_URL" in found["zendesk log-in"].mend
    assert "scopes" not in found["zendesk log-in"].mend


async def test_texts_that_go_elsewhere_are_noticed(sandbox: Sandbox) -> None:
    sandbox.twilio.add_number(ACME, "https://other.example/sms")

    found = await troubles(sandbox)

    assert set(found) == {f"twilio number {ACME}"}
    assert "https://other.example/sms" in found[f"twilio number {ACME}"].detail
    assert f"{sandbox.url}/carriers/twilio/inbound" in found[f"twilio number {ACME}"].mend


async def test_a_webhook_that_is_not_repeated_is_advice_and_no_trouble(sandbox: Sandbox) -> None:
    sandbox.twilio.add_number(ACME, f"{sandbox.url}/carriers/twilio/inbound")

    found = await examine(sandbox._environment)

    assert all(finding.ok for finding in found)
    assert [finding.check for finding in found if finding.mend] == [f"twilio number {ACME}"]


async def test_sweeps_that_do_not_come_to_an_end_are_noticed(sandbox: Sandbox) -> None:
    database = running(sandbox).database
    await eventually(lambda: database.read(lambda tx: len(sweeps.ages(tx)) == 2))
    assert not [name for name in await troubles(sandbox) if name.startswith("sweeps")]

    await database.write(
        lambda tx: tx.run("UPDATE sweeps SET done_at = done_at - 900000 WHERE account = 'twilio'")
    )

    found = await troubles(sandbox)
    assert set(found) == {"sweeps of twilio"}
    assert "ago" in found["sweeps of twilio"].detail


async def test_a_trigger_that_was_deleted_is_to_be_set_up_again(sandbox: Sandbox) -> None:
    sandbox.zendesk.account.resources["triggers"].clear()

    found = await troubles(sandbox)

    assert set(found) == {"zendesk trigger"}
    assert found["zendesk trigger"].mend == "run: bridge zendesk setup"


async def test_a_forged_webhook_is_a_trouble_until_a_true_one_comes(sandbox: Sandbox) -> None:
    database = running(sandbox).database
    url = f"{sandbox.url}/carriers/twilio/inbound"
    form = {"From": MAYA, "To": ACME, "Body": "Hi", "MessageSid": "SM" + "0" * 32}
    headers = {"X-Twilio-Signature": "forged"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=form, headers=headers) as response,
    ):
        assert response.status == 403
    await eventually(lambda: database.read(signatures.faults))

    assert set(await troubles(sandbox)) == {"webhooks from twilio"}

    await sandbox.twilio.customer_texts(MAYA, ACME, "Hello")
    assert await troubles(sandbox) == {}
    (healed,) = [one for one in await examine(sandbox._environment) if "webhooks" in one.check]
    assert "others were accepted since" in healed.detail


async def test_a_paused_account_is_told_with_the_reason(sandbox: Sandbox) -> None:
    await running(sandbox).database.write(
        lambda tx: work.pause_account(tx, "twilio", pause_ms=60_000, reason="too many requests")
    )

    found = await troubles(sandbox)

    assert set(found) == {"twilio paused"}
    assert "too many requests" in found["twilio paused"].detail


async def test_nobody_who_serves_is_noticed(sandbox: Sandbox) -> None:
    await running(sandbox).stop()
    sandbox.service = None

    found = await troubles(sandbox)

    assert set(found) == {"public address"}
    assert "bridge serve" in found["public address"].mend


async def test_all_that_serve_needs_is_named_in_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    found = [one for one in await examine({"BRIDGE_PORT": str(free_port())}) if not one.ok]

    assert [one.detail.partition(":")[0] for one in found if one.check == "settings"] == [
        "BRIDGE_SECRET_KEY",
        "BRIDGE_ZENDESK_URL",
        "BRIDGE_ZENDESK_CLIENT_ID",
        "BRIDGE_TWILIO_ACCOUNT_SID",
    ]
    assert [one.check for one in found if one.check != "settings"] == ["database", "public address"]
    assert "bridge migrate" in next(one.mend for one in found if one.check == "database")
    assert is_empty(tmp_path)


async def test_a_database_that_cannot_be_read_is_not_blamed_on_zendesk(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"this is no database" * 100)

    found = await troubles(sandbox, BRIDGE_DATABASE_URL=f"sqlite:///{broken}")

    assert set(found) == {"database"}


async def test_a_short_secret_key_is_advised_against(sandbox: Sandbox) -> None:
    found = await examine({**sandbox._environment, "BRIDGE_SECRET_KEY": "short"})

    (advice,) = [finding for finding in found if finding.check == "secret key"]
    assert advice.ok
    assert "32 random characters" in advice.mend
