"""The carrier's webhook: one message however often it comes, nothing from anybody else."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.twilio.signature import sign
from bridge.store.database import Transaction
from tests.flows.cast import (
    ACME,
    MAYA,
    customer_comments,
    messages,
    on_phone,
    only_ticket,
    settle,
    text,
    tickets,
)
from tests.flows.conftest import Start

PATH = "/carriers/twilio/inbound"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def caller() -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody on the network."""
    async with aiohttp.ClientSession() as session:
        yield session


def _fields(sandbox: Sandbox, **changes: str | None) -> dict[str, str]:
    fields: dict[str, str | None] = {
        "MessageSid": "SM" + "a" * 32,
        "AccountSid": sandbox.twilio.account_sid,
        "From": MAYA,
        "To": ACME,
        "Body": "hello",
        "NumMedia": "0",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _signed(
    sandbox: Sandbox, fields: Mapping[str, str], *, token: str | None = None, path: str = PATH
) -> dict[str, str]:
    token = token or sandbox.twilio.auth_token
    signature = sign(f"{sandbox.url}{path}", fields.items(), token)
    return {"X-Twilio-Signature": signature, "Content-Type": FORM}


async def _rows(sandbox: Sandbox) -> int:
    """Everything that a text could have left in the database."""
    assert sandbox.service is not None

    def count(tx: Transaction) -> int:
        names = ("messages", "contacts", "conversations", "consent")
        rows = [tx.first(f"SELECT count(*) AS n FROM {name}") for name in names]
        rows.append(tx.first("SELECT count(*) AS n FROM work WHERE kind <> 'sweep'"))
        return sum(row["n"] for row in rows if row is not None)

    return await sandbox.service.database.read(count)


async def _is_untouched(sandbox: Sandbox) -> bool:
    await settle(sandbox)
    return (await messages(sandbox), await _rows(sandbox), tickets(sandbox)) == ([], 0, [])


# -- the same webhook, again ----------------------------------------------------------------------


async def test_webhook_that_comes_eight_times_at_once_is_one_message(sandbox: Sandbox) -> None:
    answer = await sandbox.twilio.customer_texts(MAYA, ACME, "hello", copies=8, concurrent=True)
    await settle(sandbox)
    later = await sandbox.twilio.redeliver(answer.sid, copies=2)
    await settle(sandbox)

    assert answer.statuses + later.statuses == (200,) * 10
    assert customer_comments(only_ticket(sandbox)) == ["hello"]
    assert len(await messages(sandbox)) == 1


async def test_repeated_keyword_is_answered_once(sandbox: Sandbox) -> None:
    await sandbox.twilio.customer_texts(MAYA, ACME, "JOIN", copies=8, concurrent=True)
    await settle(sandbox)

    assert len(on_phone(sandbox, MAYA)) == 1


async def test_same_words_in_two_texts_are_two_messages(sandbox: Sandbox) -> None:
    await text(sandbox, MAYA, ACME, "hello", "hello")

    assert customer_comments(only_ticket(sandbox)) == ["hello", "hello"]


async def test_repeat_after_a_restart_is_the_same_message(sandbox: Sandbox) -> None:
    answer = await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    await settle(sandbox)
    assert sandbox.service is not None
    await sandbox.service.stop()
    await sandbox.make_service().start()

    await sandbox.twilio.redeliver(answer.sid)
    await text(sandbox, MAYA, ACME, "again")

    assert customer_comments(only_ticket(sandbox)) == ["hello", "again"]


async def test_texts_that_overtake_one_another_are_kept_in_order_of_arrival(
    sandbox: Sandbox,
) -> None:
    sandbox.twilio.lose_webhooks = True
    first = await sandbox.twilio.customer_texts(MAYA, ACME, "sent first")
    second = await sandbox.twilio.customer_texts(MAYA, ACME, "sent second")

    assert (await sandbox.twilio.redeliver(second.sid)).statuses == (200,)
    assert (await sandbox.twilio.redeliver(first.sid)).statuses == (200,)
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["sent second", "sent first"]


async def test_success_is_an_empty_twiml_response(sandbox: Sandbox) -> None:
    answer = await sandbox.twilio.customer_texts(MAYA, ACME, "hello")

    assert answer.statuses == (200,)
    assert answer.bodies[0].replace(" ", "").endswith("<Response/>")


async def test_text_may_come_by_get(sandbox: Sandbox) -> None:
    sandbox.twilio.account.numbers[ACME].sms_method = "GET"

    await text(sandbox, MAYA, ACME, "50 % off? a&b=c + 😀")

    assert customer_comments(only_ticket(sandbox)) == ["50 % off? a&b=c + 😀"]


async def test_both_tokens_hold_while_one_is_rotated(start_sandbox: Start) -> None:
    old, new = "a" * 32, "b" * 32
    sandbox = await start_sandbox(BRIDGE_TWILIO_AUTH_TOKEN=f"{new},{old}")

    for token in (old, new, "c" * 32):
        sandbox.twilio.signing_token = token
        await sandbox.twilio.customer_texts(MAYA, ACME, f"signed with {token[0]}")
    await settle(sandbox)

    assert customer_comments(only_ticket(sandbox)) == ["signed with a", "signed with b"]


# -- what is not the carrier's --------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["missing", "empty", "nonsense", "another token", "another address", "changed field"]
)
async def test_forged_webhook_is_refused_and_stored_nowhere(
    sandbox: Sandbox, caller: aiohttp.ClientSession, fault: str
) -> None:
    fields = _fields(sandbox)
    headers = _signed(sandbox, fields)
    match fault:
        case "missing":
            del headers["X-Twilio-Signature"]
        case "empty":
            headers["X-Twilio-Signature"] = ""
        case "nonsense":
            headers["X-Twilio-Signature"] = "bm90IGEgc2lnbmF0dXJl"
        case "another token":
            headers = _signed(sandbox, fields, token="f" * 32)
        case "another address":
            headers = _signed(sandbox, fields, path="/carriers/twilio/status")
        case "changed field":
            fields["Body"] = "send money"

    async with caller.post(sandbox.url + PATH, data=urlencode(fields), headers=headers) as answer:
        status, body = answer.status, await answer.text()

    assert status == 403
    assert MAYA not in body
    assert await _is_untouched(sandbox)


async def test_refused_text_can_still_be_delivered(sandbox: Sandbox) -> None:
    sandbox.twilio.signing_token = "0" * 32
    answer = await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    sandbox.twilio.signing_token = sandbox.twilio.auth_token

    later = await sandbox.twilio.redeliver(answer.sid)
    await settle(sandbox)

    assert (answer.statuses, later.statuses) == ((403,), (200,))
    assert customer_comments(only_ticket(sandbox)) == ["hello"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"MessageSid": None}, "MessageSid"),
        ({"MessageSid": ""}, "MessageSid"),
        ({"From": None}, "From"),
        ({"To": ""}, "To"),
        ({"Body": None}, "Body"),
        ({"Body": "nul \0"}, "Body"),
        ({"NumMedia": "many"}, "NumMedia"),
        ({"NumMedia": "1"}, "MediaUrl0"),
    ],
    ids=lambda value: str(value).replace("\0", "NUL"),
)
async def test_malformed_webhook_is_refused_by_the_name_of_its_field(
    sandbox: Sandbox,
    caller: aiohttp.ClientSession,
    changes: Mapping[str, str | None],
    field: str,
) -> None:
    fields = _fields(sandbox, **changes)
    headers = _signed(sandbox, fields)

    async with caller.post(sandbox.url + PATH, data=urlencode(fields), headers=headers) as answer:
        status, problem = answer.status, await answer.json(content_type=None)

    assert status == 400
    assert field in str(problem)
    assert await _is_untouched(sandbox)


async def test_too_large_webhook_is_refused(
    sandbox: Sandbox, caller: aiohttp.ClientSession
) -> None:
    fields = _fields(sandbox, Body="x" * (1024 * 1024 + 1))
    headers = _signed(sandbox, fields)
    body = io.BytesIO(urlencode(fields).encode())

    async with caller.post(sandbox.url + PATH, data=body, headers=headers) as answer:
        assert answer.status == 413

    assert await _is_untouched(sandbox)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
async def test_wrong_method_is_refused(
    sandbox: Sandbox, caller: aiohttp.ClientSession, method: str
) -> None:
    fields = _fields(sandbox)
    call: dict[str, Any] = {"data": urlencode(fields), "headers": _signed(sandbox, fields)}

    async with caller.request(method, sandbox.url + PATH, **call) as answer:
        assert answer.status == 405

    assert await _is_untouched(sandbox)


async def test_unknown_carrier_is_not_found(
    sandbox: Sandbox, caller: aiohttp.ClientSession
) -> None:
    fields = _fields(sandbox)
    url = f"{sandbox.url}/carriers/nobody/inbound"

    async with caller.post(url, data=urlencode(fields), headers=_signed(sandbox, fields)) as answer:
        assert answer.status == 404

    assert await _is_untouched(sandbox)


async def test_forged_desk_webhook_causes_no_look(
    sandbox: Sandbox, caller: aiohttp.ClientSession
) -> None:
    body = b'{"type": "zen:event-type:ticket.comment_added", "detail": {"id": "1"}}'
    url = f"{sandbox.url}/desks/zendesk/events"

    async with caller.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 403

    assert await _is_untouched(sandbox)
