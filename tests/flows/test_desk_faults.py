"""The desk is away, busy, or says no: nothing is lost, nothing is out of order, humans see why."""

from __future__ import annotations

import json

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.store import work
from tests.flows.cast import (
    ACME,
    JONAS,
    MAYA,
    ask,
    customer_comments,
    messages,
    only_ticket,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start, eventually
from tests.flows.outbound import MovingClock, metric, words

CROWD = [f"+1202555{1000 + number}" for number in range(5)]
REQUIRED = {
    "error": "RecordInvalid",
    "description": "Record validation errors",
    "details": {"base": [{"description": "Region: cannot be blank", "error": "BlankValue"}]},
}


async def _pauses(sandbox: Sandbox) -> dict[str, tuple[int, str]]:
    assert sandbox.service is not None
    return await sandbox.service.database.read(work.pauses)


async def _failed(sandbox: Sandbox) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await ask(sandbox, "failed"))["failed"]
    return found


async def _retry_all(sandbox: Sandbox) -> None:
    for one in reversed(await _failed(sandbox)):
        await ask(sandbox, f"failed/{one['id']}/retry", method="POST")
    await settle(sandbox)


# -- away -----------------------------------------------------------------------------------------


async def test_texts_of_an_outage_arrive_in_order_afterwards(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "before")
    sandbox.zendesk.faults.down()
    for number in range(5):
        await sandbox.twilio.customer_texts(MAYA, ACME, f"maya {number}")
        await sandbox.twilio.customer_texts(JONAS, ACME, f"jonas {number}")
    refused = len(sandbox.zendesk.faults.seen())
    await eventually(lambda: len(sandbox.zendesk.faults.seen()) > refused + 4)
    assert len(tickets(sandbox)) == 1

    sandbox.zendesk.faults.down(False)
    await settle(sandbox)

    mayas, jonas = tickets(sandbox)
    assert customer_comments(mayas) == ["before", *(f"maya {number}" for number in range(5))]
    assert customer_comments(jonas) == [f"jonas {number}" for number in range(5)]
    assert {one["state"] for one in await messages(sandbox)} == {"done"}


async def test_desk_that_does_not_listen_at_all_is_waited_for(sandbox: Sandbox) -> None:
    port = int(sandbox.zendesk.url.rpartition(":")[2])
    await sandbox.zendesk.stop()
    await sandbox.twilio.customer_texts(MAYA, ACME, "hello")

    async def has_tried() -> bool:
        (message,) = await messages(sandbox)
        trace = await ask(sandbox, f"messages/{message['id']}")
        return len(trace["attempts"]) > 1

    await eventually(has_tried)
    await sandbox.zendesk.start(port)
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["hello"]


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v2/users/search"),
        ("POST", "/api/v2/users/create_or_update"),
        ("POST", "/api/v2/tickets"),
        ("GET", "/api/v2/tickets/1"),
        ("PUT", "/api/v2/tickets/1"),
    ],
)
async def test_passing_error_of_any_call_loses_and_doubles_nothing(
    sandbox: Sandbox, method: str, path: str, status: int
) -> None:
    rule = sandbox.zendesk.faults.refuse(method, path, status, times=2)

    await text(sandbox, MAYA, ACME, "one", "two")

    assert rule.used == 2
    assert customer_comments(only_ticket(sandbox)) == ["one", "two"]


async def test_outage_of_half_a_day_fails_nothing_and_does_not_hammer(
    start_sandbox: Start,
) -> None:
    clock = MovingClock()
    sandbox = await start_sandbox(clock=clock, BRIDGE_RETRY_MAX="60")
    await text(sandbox, MAYA, ACME, "before")
    sandbox.zendesk.faults.down()
    await sandbox.twilio.customer_texts(MAYA, ACME, "one")
    for minutes in (1, 9, 50, 120, 540):
        asked = len(sandbox.zendesk.faults.seen())
        clock.ahead_ms += minutes * 60_000
        await eventually(lambda asked=asked: len(sandbox.zendesk.faults.seen()) > asked)
    await sandbox.twilio.customer_texts(MAYA, ACME, "two")
    for customer in CROWD:
        await sandbox.twilio.customer_texts(customer, ACME, "me too")

    assert await metric(sandbox, 'bridge_work{state="failed"}') == 0
    await eventually(lambda: _backlog_is_shown(sandbox, 2 + len(CROWD)))
    sandbox.zendesk.faults.down(False)
    clock.ahead_ms += 120_000
    await settle(sandbox)

    first, *others = tickets(sandbox)
    assert customer_comments(first) == ["before", "one", "two"]
    assert [customer_comments(one) for one in others] == [["me too"]] * len(CROWD)
    assert await _failed(sandbox) == []


async def _backlog_is_shown(sandbox: Sandbox, count: int) -> bool:
    return await metric(sandbox, 'bridge_work{state="waiting"}') >= count


# -- busy -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_of_the_account_is_honoured(sandbox: Sandbox, status: int) -> None:
    faults = sandbox.zendesk.faults
    faults.refuse("POST", "/api/v2/tickets", status, headers={"Retry-After": "1"})

    await text(sandbox, MAYA, ACME, "hello", "again")

    calls = faults.seen("POST", "/api/v2/tickets")
    assert [call.status for call in calls] == [status, 201]
    assert calls[1].at - calls[0].at >= 0.99
    assert customer_comments(only_ticket(sandbox)) == ["hello", "again"]


async def test_nothing_is_called_while_the_account_asks_to_wait(sandbox: Sandbox) -> None:
    faults = sandbox.zendesk.faults
    faults.refuse("POST", "/api/v2/tickets", 429, headers={"Retry-After": "1"})
    await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    await eventually(lambda: faults.seen("POST", "/api/v2/tickets"))
    (asked,) = faults.seen("POST", "/api/v2/tickets")
    await eventually(lambda: _pauses(sandbox))

    await text(sandbox, JONAS, ACME, "me too")

    later = [one for one in faults.requests if one.at > asked.at]
    assert min(one.at for one in later) - asked.at >= 0.99
    assert len(tickets(sandbox)) == 2
    assert await _pauses(sandbox) == {}


async def test_ticket_over_its_own_limit_holds_up_only_its_conversation(
    sandbox: Sandbox,
) -> None:
    sandbox.zendesk.limits.updates_per_ticket = 2
    await text(sandbox, MAYA, ACME, "0", "1", "2")
    await sandbox.twilio.customer_texts(MAYA, ACME, "3")
    await eventually(lambda: sandbox.zendesk.limits.hits)

    await sandbox.twilio.customer_texts(JONAS, ACME, "hello")
    await eventually(lambda: len(tickets(sandbox)) == 2)

    assert customer_comments(tickets(sandbox)[0]) == ["0", "1", "2"]
    states = [one["state"] for one in await messages(sandbox, customer=MAYA)]
    assert states == ["done", "done", "done", "working"]


# -- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_pause_the_account_until_they_hold(
    sandbox: Sandbox, status: int
) -> None:
    sandbox.zendesk.faults.refuse("*", "/api/v2/*", status, times=None)
    await sandbox.twilio.customer_texts(MAYA, ACME, "one")
    await sandbox.twilio.customer_texts(MAYA, ACME, "two")
    await eventually(lambda: _pauses(sandbox))
    assert "zendesk" in await _pauses(sandbox)
    assert await _failed(sandbox) == []

    sandbox.zendesk.faults.clear()
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["one", "two"]
    assert await _pauses(sandbox) == {}


async def test_refused_credentials_stop_no_other_account_and_are_said_once(
    sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    await text(sandbox, MAYA, ACME, "before")
    ticket = only_ticket(sandbox)
    sandbox.zendesk.faults.refuse("*", "*", 401, times=None)
    for number in range(5):
        await sandbox.twilio.customer_texts(MAYA, ACME, f"text {number}")
    await eventually(lambda: _pauses(sandbox))
    asked = len(sandbox.zendesk.faults.seen())
    await eventually(lambda: len(sandbox.zendesk.faults.seen()) > asked + 3)  # it asks again

    await sandbox.twilio.customer_texts(JONAS, ACME, "JOIN")
    await eventually(lambda: words(sandbox, JONAS))
    sandbox.zendesk.faults.clear()
    await settle(sandbox)

    assert capsys.readouterr().out.count("account.paused") == 1
    assert customer_comments(ticket) == ["before", *(f"text {number}" for number in range(5))]
    assert await _failed(sandbox) == []


async def test_changed_client_secret_pauses_until_it_is_right(sandbox: Sandbox) -> None:
    right = sandbox.zendesk.auth.client_secret
    sandbox.zendesk.auth.client_secret = "another"
    sandbox.zendesk.auth.revoke_tokens()
    await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    await eventually(lambda: _pauses(sandbox))

    sandbox.zendesk.auth.client_secret = right
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["hello"]


async def test_revoked_token_is_renewed_without_a_pause(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "one")
    sandbox.zendesk.auth.revoke_tokens()

    await text(sandbox, MAYA, ACME, "two")

    assert customer_comments(only_ticket(sandbox)) == ["one", "two"]
    assert await _pauses(sandbox) == {}


# -- refused for good -----------------------------------------------------------------------------


async def test_missing_required_field_is_failed_work_that_names_it(sandbox: Sandbox) -> None:
    faults = sandbox.zendesk.faults
    faults.refuse("POST", "/api/v2/tickets", 422, body=json.dumps(REQUIRED), times=2)

    await text(sandbox, MAYA, ACME, "one", "two")

    newest, oldest = await _failed(sandbox)
    assert "Region: cannot be blank" in str(oldest["reason"])
    assert "Region: cannot be blank" in str(newest["reason"])
    await _retry_all(sandbox)
    assert customer_comments(only_ticket(sandbox)) == ["one", "two"]


async def test_failed_text_does_not_hold_up_the_next_one(sandbox: Sandbox) -> None:
    faults = sandbox.zendesk.faults
    faults.refuse("POST", "/api/v2/tickets", 422, body=json.dumps(REQUIRED))

    await text(sandbox, MAYA, ACME, "refused", "taken")

    assert customer_comments(only_ticket(sandbox)) == ["taken"]
    await _retry_all(sandbox)
    assert customer_comments(only_ticket(sandbox)) == ["taken", "refused"]
