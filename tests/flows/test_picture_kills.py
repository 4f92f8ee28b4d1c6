"""`bridge serve` is killed while a picture is on its way: it arrives once, with its text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.faults import Faults
from tests.flows.cast import ACME, MAYA, customer_comments, messages, only_ticket, our_comments
from tests.flows.conftest import NewStore, eventually
from tests.flows.outbound import SEND, open_ticket, replies, settled
from tests.flows.serving import Process, serving

pytestmark = [pytest.mark.slow, pytest.mark.both_engines]
PICTURE = ("image/jpeg", b"\xff\xd8\xff\xe0 a picture")
Served = tuple[Sandbox, Process]


@pytest.fixture
async def served(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Served]:
    """A sandbox whose bridge is a process of its own, started."""
    async with serving(tmp_path, new_store) as serve:
        sandbox, process = await serve(BRIDGE_HTTP_TIMEOUT="5")
        sandbox.twilio.fetch_within_s = 60.0  # the carrier asks until somebody answers
        yield sandbox, process


def faults_of(sandbox: Sandbox, side: str) -> Faults:
    return sandbox.twilio.faults if side == "twilio" else sandbox.zendesk.faults


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("side", "method", "path"),
    [
        pytest.param("twilio", "GET", "*/Media/*", id="fetched"),
        pytest.param("zendesk", "POST", "/api/v2/uploads", id="uploaded"),
        pytest.param("zendesk", "PUT", "/api/v2/tickets/*", id="written"),
    ],
)
async def test_kill_while_a_customers_picture_is(
    served: Served, side: str, method: str, path: str, moment: str
) -> None:
    sandbox, process = served
    await open_ticket(sandbox, "one")
    only_ticket(sandbox).updated_ms -= 5000  # stamps have whole seconds
    faults = faults_of(sandbox, side)
    hold = faults.hold_before if moment == "before" else faults.hold_after
    gate = hold(method, path)
    answer = await sandbox.twilio.customer_texts(MAYA, ACME, "Look", [PICTURE])
    assert answer.statuses == (200,)
    await gate.wait_arrived()

    await process.kill()
    gate.open()
    await process.start()

    async def are_done() -> bool:
        return [one["state"] for one in await messages(sandbox)] == ["done", "done"]

    await eventually(are_done)
    await settled(sandbox)
    ticket = only_ticket(sandbox)
    attached = [file.content for one in our_comments(ticket) for file in one.attachments]
    assert attached == [PICTURE[1]]
    assert [said.split("\n")[0] for said in customer_comments(ticket)] == ["one", "Look"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("side", "method", "path"),
    [
        pytest.param("zendesk", "GET", "/attachments/*", id="fetched"),
        pytest.param("twilio", *SEND, id="sent"),
    ],
)
async def test_kill_while_an_agents_picture_is(
    served: Served, side: str, method: str, path: str, moment: str
) -> None:
    sandbox, process = served
    ticket = await open_ticket(sandbox, "one")
    faults = faults_of(sandbox, side)
    hold = faults.hold_before if moment == "before" else faults.hold_after
    gate = hold(method, path)
    await sandbox.zendesk.agent_replies(ticket, "<p>Look</p>", attachments=[("mug.jpg", *PICTURE)])
    await gate.wait_arrived()

    await process.kill()
    gate.open()
    await process.start()

    async def is_delivered() -> bool:
        return [one["state"] for one in await replies(sandbox)] == ["delivered"]

    await eventually(is_delivered)
    await settled(sandbox)
    texts = [(one.body, list(one.media)) for one in sandbox.twilio.handset(MAYA)]
    assert texts == [("Look", [PICTURE])]
