"""Two who want the same thing at the same instant, stopped at every point where it matters."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from bridge.app import Service
from bridge.http import Answer
from bridge.store import work
from bridge.store.database import Transaction
from bridge.work.claiming import Found, Look
from tests.faults.stage import Stage, open_stage
from tests.flows import conftest as flows
from tests.flows.cast import ACME, MAYA, VIP
from tests.flows.conftest import NewStore, eventually, free_port
from tests.flows.outbound import SEND
from tests.stores import postgres_only

engine, new_store = flows.engine, flows.new_store  # fixtures
pytest_generate_tests = flows.pytest_generate_tests
pytestmark = [pytest.mark.both_engines, pytest.mark.timeout(400)]

T = TypeVar("T")


@pytest.fixture
async def stage(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Stage]:
    opened = await open_stage(tmp_path, new_store(tmp_path))
    await opened.live()
    await opened.text(MAYA, ACME, "hello")
    await opened.settle()
    yield opened
    await opened.close()


@dataclass(slots=True)
class Gates:
    """Stops a service before each step (commit or call) of the work on one reply.

    `passed` names them; the one at `stop_at` waits until the gate is opened.
    """

    stop_at: int
    passed: list[str] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def step(self, name: str) -> None:
        """Pass, or wait."""
        self.passed.append(name)
        if len(self.passed) == self.stop_at:
            self.arrived.set()
            await self.opened.wait()

    def put_into(self, service: Service) -> None:
        """Stop what the sender does: the commits of its lane, and its calls."""
        database = service.database
        carrier = service._carrier_http["twilio"]
        write, call = database.write, carrier.call

        async def gated_write(transaction: Callable[[Transaction], T], *, brief: bool = False) -> T:
            task = asyncio.current_task()
            if task is not None and task.get_name().startswith("lane out:"):
                await self.step("commit")
            return await write(transaction, brief=brief)

        async def gated_call(method: str, url: str, **given: object) -> Answer:
            await self.step(f"call {method}")
            answer = await call(method, url, **given)  # type: ignore[arg-type] # as they came
            await self.step(f"answer {method}")
            return answer

        setattr(database, "write", gated_write)  # noqa: B010 - a method, of this one object
        setattr(carrier, "call", gated_call)  # noqa: B010


async def _reply_with_stop_at(stage: Stage, point: int) -> Gates:
    gates = Gates(stop_at=point)
    gates.put_into(stage.bridge.service)
    await stage.reply(1, "Coming", customer=MAYA, sender=ACME)
    arriving = asyncio.create_task(gates.arrived.wait())
    quiet = asyncio.create_task(stage.settle())  # where there is no such point
    await asyncio.wait([arriving, quiet], return_when=asyncio.FIRST_COMPLETED)
    if gates.arrived.is_set():
        await stage.stop(MAYA, VIP)
    gates.opened.set()
    arriving.cancel()
    await quiet
    return gates


async def test_stop_at_any_point_of_a_reply_beats_it_until_it_has_left(
    tmp_path: Path, new_store: NewStore
) -> None:
    """The opt-out is committed while the reply stands before the step that is named."""
    sent_at: list[tuple[str, int]] = []
    point = 0
    while True:
        point += 1
        folder = tmp_path / str(point)
        folder.mkdir()
        stage = await open_stage(folder, new_store(folder))
        try:
            await stage.live()
            await stage.text(MAYA, ACME, "hello")
            await stage.settle()
            gates = await _reply_with_stop_at(stage, point)
            if not gates.arrived.is_set():
                break
            replies = [one for one in stage.sandbox.twilio.sent if "Coming" in one.body]
            sent_at.append((gates.passed[point - 1], len(replies)))
            assert await stage.violations() == []
        finally:
            await stage.close()

    # Asked whether it may leave, with the intent; called; answered; accepted.
    assert sent_at == [
        ("commit", 0),
        ("call POST", 1),
        ("answer POST", 1),
        ("commit", 1),
    ]


async def test_two_claims_of_one_lane_at_once_give_it_to_one(stage: Stage) -> None:
    database = stage.bridge.service.database
    account = "nobody's"  # so that the service's own workers leave it alone
    await database.write(
        lambda tx: work.put(tx, lane="x", account=account, kind="note", ticket_id=1)
    )

    def claim(tx: Transaction) -> int:
        return len(work.claim(tx, account=account, most=5, lease_ms=60_000))

    assert sorted(await asyncio.gather(*(database.write(claim) for _ in range(8)))) == [0] * 7 + [1]


@postgres_only
async def test_two_services_that_see_one_reply_at_the_same_instant_send_it_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have begun the transaction of their claim when the reply is there; then both go on."""
    first = stage.bridge.service
    assert first is not None
    assert stage.sandbox.settings is not None
    settings = stage.sandbox.settings.model_copy(update={"port": free_port()})
    second = Service(settings)
    both = threading.Barrier(2, timeout=60)
    arrived: set[int] = set()
    claim = Look.claim

    def meet(look: Look, tx: Transaction) -> Found:
        here = threading.get_ident()  # each service writes on a thread of its own
        if look.account == "zendesk" and here not in arrived:
            arrived.add(here)
            both.wait()
        return claim(look, tx)

    await second.start()
    try:
        await stage.settle()
        monkeypatch.setattr(Look, "claim", meet)
        first.wake()  # or what goes along with the reply is a claim of before
        await stage.settle()
        await stage.reply(1, "Once", customer=MAYA, sender=ACME)
        await eventually(lambda: len(arrived) == 2, within_s=60)
        await stage.settle()
        await eventually(lambda: len(stage.sandbox.twilio.sent) == 1)
        assert len(stage.sandbox.twilio.faults.seen(*SEND)) == 1
    finally:
        await second.stop()
    assert await stage.violations() == []
