"""The world behind the page, on the real fakes; a small server stands for the bridge's API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.errors import BadRequest
from bridge.sandbox.page import State, World
from bridge.sandbox.story import BRAND_NUMBERS, CUSTOMERS
from bridge.sandbox.twilio import FakeTwilio
from bridge.sandbox.world import SandboxWorld
from bridge.sandbox.zendesk import FakeZendesk

MAYA = CUSTOMERS[0].number
ACME = BRAND_NUMBERS[0].number
TOKEN = "api-token"


class BridgeApi:
    """What a bridge answers: `messages` newest first, and a trace of each."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.told: dict[str, dict[str, Any]] = {}  # what the trace of a message also has
        self.traces_read = 0
        self.webhook_status = 200

    async def list_messages(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized
        return web.json_response({"messages": self.messages, "next": None})

    async def show_trace(self, request: web.Request) -> web.Response:
        self.traces_read += 1
        found = [one for one in self.messages if one["id"] == request.match_info["id"]]
        trace = {**found[0], "why": "an ordinary text", "attempts": []}
        return web.json_response({**trace, **self.told.get(found[0]["id"], {})})

    async def take_webhook(self, _request: web.Request) -> web.Response:
        return web.Response(status=self.webhook_status)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v1/messages", self.list_messages)
        app.router.add_get("/api/v1/messages/{id}", self.show_trace)
        app.router.add_post("/carriers/twilio/inbound", self.take_webhook)
        return app


@pytest.fixture
def api() -> BridgeApi:
    return BridgeApi()


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    twilio = FakeTwilio()
    await twilio.start()
    yield twilio
    await twilio.stop()


@pytest.fixture
async def zendesk() -> AsyncIterator[FakeZendesk]:
    zendesk = FakeZendesk()
    await zendesk.start()
    yield zendesk
    await zendesk.stop()


@pytest.fixture
async def world(
    api: BridgeApi, twilio: FakeTwilio, zendesk: FakeZendesk
) -> AsyncIterator[SandboxWorld]:
    async with TestServer(api.app()) as server:
        url = str(server.make_url("/"))
        twilio.add_number(ACME, f"{url}carriers/twilio/inbound")
        world = SandboxWorld(twilio=twilio, zendesk=zendesk, bridge_url=url, api_token=TOKEN)
        await world.open()
        yield world
        await world.close()


async def open_ticket(zendesk: FakeZendesk, words: str = "Where is it?") -> int:
    """A ticket that Maya has written."""
    found = [user for user in zendesk.users.values() if user.phone == MAYA]
    maya = found[0] if found else zendesk.add_user(name="Maya Torres", phone=MAYA)
    ticket = await zendesk.agent_opens(maya, "<p>Hello</p>", subject="SMS", tags=["sms"])
    await zendesk.requester_writes(ticket.id, words)
    return ticket.id


def test_it_is_a_world(twilio: FakeTwilio, zendesk: FakeZendesk) -> None:
    world: World = SandboxWorld(twilio=twilio, zendesk=zendesk, bridge_url="", api_token="")

    assert world is not None


async def test_a_customers_text_is_delivered_and_shown(world: SandboxWorld, api: BridgeApi) -> None:
    text_id = await world.text(customer=MAYA, sender=ACME, body="Hi 👩🏽‍🚀", copies=3)

    (text,) = (await world.state())["texts"]
    assert text["id"] == text_id
    assert (text["customer"], text["sender"], text["body"]) == (MAYA, ACME, "Hi 👩🏽‍🚀")
    assert (text["from_customer"], text["state"], text["copies"]) == (True, "delivered", 3)


async def test_a_webhook_that_was_not_taken_is_shown_as_failed(
    world: SandboxWorld, api: BridgeApi
) -> None:
    api.webhook_status = 503

    await world.text(customer=MAYA, sender=ACME, body="Hi", copies=1)

    (text,) = (await world.state())["texts"]
    assert text["state"] == "failed"
    assert "503" in (text["reason"] or "")


@pytest.mark.parametrize(
    ("customer", "sender", "field"),
    [("+12025550999", ACME, "customer"), (MAYA, "+12025550999", "sender")],
    ids=["unknown customer", "unknown number"],
)
async def test_an_unknown_number_is_refused(
    world: SandboxWorld, customer: str, sender: str, field: str
) -> None:
    with pytest.raises(BadRequest) as refusal:
        await world.text(customer=customer, sender=sender, body="Hi", copies=1)

    assert refusal.value.field == field


async def test_a_ticket_is_shown_with_who_wrote_what(
    world: SandboxWorld, zendesk: FakeZendesk
) -> None:
    ticket_id = await open_ticket(zendesk)
    await world.reply(ticket_id=ticket_id, html="<p>On its <b>way</b></p>", public=True)
    await world.reply(ticket_id=ticket_id, html="<p>Ask Kim</p>", public=False)

    (ticket,) = (await world.state())["tickets"]
    shown = [(one["role"], one["public"], one["plain"]) for one in ticket["comments"][1:]]
    assert shown == [
        ("customer", True, "Where is it?"),
        ("agent", True, "On its way"),
        ("agent", False, "Ask Kim"),
    ]
    assert "<b>way</b>" in ticket["comments"][2]["html"]
    assert ticket["comments"][2]["author"] == "Robin Park"
    assert (ticket["requester"], ticket["phone"], ticket["tags"]) == ("Maya Torres", MAYA, ["sms"])


async def test_status_and_merge_reach_zendesk(world: SandboxWorld, zendesk: FakeZendesk) -> None:
    one, other = await open_ticket(zendesk), await open_ticket(zendesk)
    await world.set_status(ticket_id=one, status="solved")
    await world.merge(ticket_id=other, into=one)

    assert [ticket["status"] for ticket in (await world.state())["tickets"]] == ["solved", "closed"]


@pytest.mark.parametrize(
    ("is_there", "words"),
    [(True, "closed prevents"), (False, "that exists")],
    ids=["closed", "gone"],
)
async def test_a_reply_that_zendesk_refuses_is_told_in_words(
    world: SandboxWorld, zendesk: FakeZendesk, is_there: bool, words: str
) -> None:
    ticket_id = await open_ticket(zendesk)
    await world.set_status(ticket_id=ticket_id, status="closed")

    with pytest.raises(BadRequest, match=words):
        await world.reply(ticket_id=ticket_id if is_there else 99, html="<p>Hi</p>", public=True)


async def test_a_zendesk_that_is_down_answers_503(
    world: SandboxWorld, zendesk: FakeZendesk
) -> None:
    await world.zendesk_down(down=True)
    down = (await world.state())["zendesk_down"], await ask_zendesk(zendesk)
    await world.zendesk_down(down=False)
    up = (await world.state())["zendesk_down"], await ask_zendesk(zendesk)

    assert (down, up) == ((True, 503), (False, 401))


async def ask_zendesk(zendesk: FakeZendesk) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(zendesk.url.split(":")[-1]))
    writer.write(b"GET /api/v2/users/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split()[1])


async def test_only_the_next_delivery_fails(world: SandboxWorld, twilio: FakeTwilio) -> None:
    await world.next_delivery(customer=MAYA, outcome="undelivered")
    asked = (await world.state())["customers"][0]["next_delivery"]

    for body in ("first", "second"):
        message = twilio.account.accept(to=MAYA, sender=ACME, body=body)
        twilio._accepted(message)
        await twilio.idle()

    state = await world.state()
    assert asked == "undelivered"
    assert state["customers"][0]["next_delivery"] == "delivered"
    assert [(one["body"], one["state"]) for one in state["texts"]] == [
        ("first", "failed"),
        ("second", "delivered"),
    ]
    assert "Unreachable" in (state["texts"][0]["reason"] or "")


async def test_what_the_bridge_did_is_its_own_word(world: SandboxWorld, api: BridgeApi) -> None:
    api.messages = [
        {"id": "m2", "direction": "outbound", "state": "delivered"},
        {"id": "m1", "direction": "inbound", "state": "done", "verdict": "ticket"},
    ]

    first = (await world.state())["messages"]
    second = (await world.state())["messages"]

    assert [one["id"] for one in first] == ["m1", "m2"]
    assert first[0]["why"] == "an ordinary text"
    assert first == second
    assert api.traces_read == 1


async def test_an_automatic_answer_says_what_it_answers(
    world: SandboxWorld, api: BridgeApi
) -> None:
    api.messages = [
        {"id": "m2", "direction": "outbound", "kind": "auto", "state": "sent"},
        {"id": "m1", "direction": "inbound", "state": "done", "verdict": "ticket"},
    ]
    api.told = {"m1": {"rule": "HELP"}, "m2": {"cause_id": "m1"}}

    for _ in range(3):
        asked, answer = (await world.state())["messages"]
        assert (asked["rule"], answer["cause_id"]) == ("HELP", "m1")

    assert api.traces_read == 2


async def test_every_change_is_told(
    world: SandboxWorld, zendesk: FakeZendesk, api: BridgeApi
) -> None:
    async with aclosing(world.subscribe()) as states, asyncio.timeout(30):
        seen = [await anext(states)]
        await world.text(customer=MAYA, sender=ACME, body="Hi", copies=1)
        seen.append(await read_until(states, lambda state: len(state["texts"]) == 1))
        await open_ticket(zendesk)
        seen.append(await read_until(states, lambda state: len(state["tickets"]) == 1))
        api.messages = [{"id": "m1", "direction": "outbound", "state": "queued"}]
        seen.append(await read_until(states, lambda state: len(state["messages"]) == 1))

    assert [len(one["texts"]) for one in seen] == [0, 1, 1, 1]


async def read_until(states: AsyncIterator[State], is_so: Callable[[State], bool]) -> State:
    async for state in states:
        if is_so(state):
            return state
    raise AssertionError("the states ended")


async def test_a_bridge_that_is_away_leaves_what_was_known(
    twilio: FakeTwilio, zendesk: FakeZendesk
) -> None:
    world = SandboxWorld(
        twilio=twilio, zendesk=zendesk, bridge_url="http://127.0.0.1:9", api_token=TOKEN
    )
    await world.open()

    assert (await world.state())["messages"] == []
    await world.close()
