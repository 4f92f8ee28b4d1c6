"""`zendesk setup` against the sandbox's Zendesk: what it makes really works there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.desks.zendesk import events, setup
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.auth import OAuthClient
from bridge.desks.zendesk.setup import SetupResult
from bridge.http import HttpClient
from bridge.sandbox.zendesk import FakeZendesk
from tests.desks.scripted import HandClock


class Hooked:
    """Keeps every webhook as it came."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        application = web.Application()
        application.router.add_post("/desks/zendesk/events", self._take)
        self.server = TestServer(application, host="127.0.0.1")

    async def _take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.put_nowait((headers, await request.read()))
        return web.Response()


@pytest.fixture
async def bridge() -> AsyncIterator[Hooked]:
    hooked = Hooked()
    await hooked.server.start_server()
    yield hooked
    await hooked.server.close()


@pytest.fixture
async def fake(clock: HandClock) -> AsyncIterator[FakeZendesk]:
    zendesk = FakeZendesk(clock=clock)
    await zendesk.start()
    yield zendesk
    await zendesk.stop()


@pytest.fixture
def api(fake: FakeZendesk, http: HttpClient, clock: HandClock) -> ZendeskApi:
    credentials = OAuthClient(
        base_url=fake.url,
        client_id="sms-bridge",
        client_secret="zendesk-client-secret",
        http=http,
        clock=clock,
    )
    return ZendeskApi(base_url=fake.url, credentials=credentials, http=http, clock=clock)


async def set_up(
    api: ZendeskApi, bridge: Hooked, stored: SetupResult | None = None
) -> tuple[SetupResult, setup.Plan]:
    plan = setup.plan(
        await setup.read_account(api),
        stored=stored or SetupResult(),
        public_url=str(bridge.server.make_url("")),
        close_after_h=24,
    )
    return await setup.apply(api, plan), plan


async def test_a_public_reply_on_our_ticket_calls_us(
    fake: FakeZendesk, api: ZendeskApi, bridge: Hooked, clock: HandClock
) -> None:
    made, _ = await set_up(api, bridge)
    customer = fake.add_user(name="Kim", phone="+12025550123")
    ticket = await fake.agent_opens(customer, "<p>Hello</p>", tags=["sms", "sms_bridge"])
    other = await fake.agent_opens(customer, "<p>Hello</p>", tags=["sms"])

    await fake.agent_replies(other.id, "not ours")
    await fake.agent_replies(ticket.id, "a note", public=False)
    reply = await fake.agent_replies(ticket.id, "On its way")
    await fake.idle()

    hints = []
    while not bridge.received.empty():
        headers, body = bridge.received.get_nowait()
        secret = made.signing_secret or ""
        events.verify(headers, body, secrets=[secret], now_ms=clock.now_ms())
        hint = events.parse_hint(body)
        assert hint is not None
        hints.append((hint.ticket_id, hint.comment_id))
    assert hints[-1] == (ticket.id, reply.id)
    assert {ticket_id for ticket_id, _ in hints} == {ticket.id}
    assert len(hints) == 2


async def test_setup_can_be_repeated_and_taken_back(
    fake: FakeZendesk, api: ZendeskApi, bridge: Hooked
) -> None:
    before = json.dumps(fake.account.resources, default=str)

    made, first = await set_up(api, bridge)
    again, second = await set_up(api, bridge, made)
    lost, third = await set_up(api, bridge)
    plan = setup.plan_teardown(await setup.read_account(api), stored=made)
    await setup.apply(api, plan)

    assert [step.action for step in first.steps] == ["create"] * 5
    assert {step.action for step in (*second.steps, *third.steps)} == {"keep"}
    assert again == made == lost
    assert json.dumps(fake.account.resources, default=str) == before
    assert fake.webhooks.table == {}


async def test_the_accounts_default_triggers_are_named(
    fake: FakeZendesk, api: ZendeskApi, bridge: Hooked
) -> None:
    _, plan = await set_up(api, bridge)

    assert [notifier.title for notifier in plan.notifiers] == [
        "Notify requester and CCs of received request",
        "Notify requester and CCs of comment update",
    ]


async def test_the_automation_closes_our_solved_tickets_only(
    fake: FakeZendesk, api: ZendeskApi, bridge: Hooked, clock: HandClock
) -> None:
    await set_up(api, bridge)
    customer = fake.add_user(name="Kim", phone="+12025550123")
    ours = await fake.agent_opens(customer, "<p>Hello</p>", tags=["sms", "sms_bridge"])
    still_open = await fake.agent_opens(customer, "<p>Hello</p>", tags=["sms", "sms_bridge"])
    theirs = await fake.agent_opens(customer, "<p>Hello</p>", tags=["sms"])
    for ticket in (ours, theirs):
        await fake.set_status(ticket.id, "solved")

    clock.forward(23 * 3600)
    await fake.run_automations()
    early = ours.status
    clock.forward(3 * 3600)
    await fake.run_automations()

    assert early == "solved"
    assert (ours.status, still_open.status, theirs.status) == ("closed", "open", "solved")
