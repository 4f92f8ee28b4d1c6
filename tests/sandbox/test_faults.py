"""Faults on order: what the caller sees, and what was applied all the same."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bridge.sandbox.faults import LOST
from bridge.sandbox.twilio import FakeTwilio
from tests.sandbox.asking import TwilioApi

OURS = "+12025550100"
THEIRS = "+12025550123"
ADDRESS = "*/Messages.json"


@pytest.fixture(autouse=True)
def number(twilio: FakeTwilio) -> None:
    twilio.add_number(OURS)


async def test_a_refusal_is_given_so_many_times(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    twilio.faults.refuse("POST", ADDRESS, 503, headers={"Retry-After": "7"}, times=2)

    replies = [await twilio_api.send(THEIRS, OURS, str(number)) for number in range(3)]

    assert [one.status for one in replies] == [503, 503, 201]
    assert replies[0].headers["retry-after"] == "7"
    assert [one.body for one in twilio.sent] == ["2"]
    seen = twilio.faults.seen("POST")
    assert [one.status for one in seen] == [503, 503, 201]
    assert seen[0].at <= seen[1].at <= seen[2].at


async def test_a_rule_is_kept_to_method_and_path(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    twilio.faults.refuse("GET", "*/Nothing*", 500, times=None)

    assert (await twilio_api.get("/Messages.json")).status == 200
    assert (await twilio_api.send(THEIRS, OURS, "x")).status == 201
    assert (await twilio_api.get("/Nothing.json")).status == 500


@pytest.mark.parametrize(("kind", "applied"), [("lose_answer", 1), ("drop", 0)])
async def test_a_cut_connection_tells_nothing(
    twilio: FakeTwilio, twilio_api: TwilioApi, kind: str, applied: int
) -> None:
    getattr(twilio.faults, kind)("POST", ADDRESS)

    with pytest.raises(aiohttp.ClientError):
        await twilio_api.send(THEIRS, OURS, "x")

    assert len(twilio.sent) == applied
    assert twilio.faults.requests[0].status == LOST


async def test_half_an_answer_is_no_answer(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    twilio.faults.truncate("POST", ADDRESS)

    with pytest.raises(aiohttp.ClientPayloadError):
        await twilio_api.send(THEIRS, OURS, "x")

    assert len(twilio.sent) == 1


@pytest.mark.parametrize("apply", [False, True])
async def test_a_page_of_html_may_hide_what_was_done(
    twilio: FakeTwilio, twilio_api: TwilioApi, apply: bool
) -> None:
    twilio.faults.html("POST", ADDRESS, apply=apply)

    reply = await twilio_api.send(THEIRS, OURS, "x")

    assert (reply.status, reply.body) == (200, None)
    assert reply.headers["content-type"].startswith("text/html")
    assert len(twilio.sent) == apply


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_gate_stops_requests_before_or_after_they_are_applied(
    twilio: FakeTwilio, twilio_api: TwilioApi, when: str
) -> None:
    hold = getattr(twilio.faults, f"hold_{when}")("POST", ADDRESS)
    sending = asyncio.create_task(twilio_api.send(THEIRS, OURS, "x"))

    await hold.wait_arrived()
    applied = len(twilio.sent)
    hold.open()
    reply = await sending

    assert (applied, reply.status) == (when == "after", 201)


async def test_a_late_request_is_applied_though_the_caller_has_gone(
    twilio: FakeTwilio, twilio_api: TwilioApi
) -> None:
    hold = twilio.faults.hold_before("POST", ADDRESS)
    sending = asyncio.create_task(twilio_api.send(THEIRS, OURS, "x"))
    await hold.wait_arrived()

    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    accepted = asyncio.Event()
    twilio.on_change.append(lambda _event: accepted.set())
    hold.open()
    await asyncio.wait_for(accepted.wait(), 30)

    assert len(twilio.sent) == 1


async def test_a_delay_is_waited_out(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    twilio.faults.delay("POST", ADDRESS, before_s=0.05, after_s=0.05)
    begun = asyncio.get_running_loop().time()

    await twilio_api.send(THEIRS, OURS, "x")

    assert asyncio.get_running_loop().time() - begun >= 0.1


async def test_down_is_down_for_all(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    twilio.faults.down(True, retry_after_s=3)
    down = await twilio_api.get("/Messages.json")
    twilio.faults.down(False)
    up = await twilio_api.get("/Messages.json")

    assert (down.status, down.headers["retry-after"], up.status) == (503, "3", 200)


async def test_clearing_opens_every_gate(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    hold = twilio.faults.hold_before("POST", ADDRESS, times=None)
    sending = asyncio.create_task(twilio_api.send(THEIRS, OURS, "x"))
    await hold.wait_arrived()

    twilio.faults.clear()

    assert (await sending).status == 201


async def test_what_is_known_outlives_a_restart(twilio: FakeTwilio, twilio_api: TwilioApi) -> None:
    await twilio_api.send(THEIRS, OURS, "x")
    await twilio.idle()
    port = int(twilio.url.rpartition(":")[2])

    await twilio.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        await twilio_api.get("/Messages.json")
    await twilio.start(port)

    listed = await twilio_api.get("/Messages.json")
    assert [one["body"] for one in listed.body["messages"]] == ["x"]
    assert len(twilio.handset(THEIRS)) == 1
