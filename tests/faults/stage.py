"""The stage of the fault tests: both far sides, and one life of the bridge after another.

It writes down what customers and agents say, so that the checker can judge what came of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bridge.app import Service
from bridge.clock import Clock
from bridge.errors import NotDurable
from bridge.sandbox.demo import Sandbox
from bridge.store import work
from bridge.store.database import Transaction
from tests.faults.checker import Case, Violation, find_violations
from tests.faults.ending import read_ending
from tests.faults.ledger import AgentReply, CustomerText, History, hinted_comments, read_ledger
from tests.faults.mortal import Fault, Mortal
from tests.flows.conftest import eventually, free_port
from tests.flows.serving import end_leases

PACE = {
    "BRIDGE_RETRY_BASE": "0.005",
    "BRIDGE_RETRY_MAX": "0.02",
    "BRIDGE_SETTLE_WAIT": "0.005",
    "BRIDGE_HTTP_TIMEOUT": "5",
    "BRIDGE_SWEEP_INTERVAL": "3600",  # at starts alone
    "BRIDGE_ZENDESK_UPDATES_PER_MINUTE": "1000000",
    "BRIDGE_ZENDESK_UPDATES_PER_TICKET": "1000000",
}
FAILURES = frozenset({"undelivered", "failed"})
File = tuple[str, bytes]  # a content type, and the content
AREAS = ("212", "213", "305", "312", "404", "415", "503", "512", "617", "702", "713")


def customers() -> Iterator[str]:
    """Numbers that are kept for fiction, each once."""
    for area in AREAS:
        for last in range(100, 200):
            yield f"+1{area}5550{last}"


def steady_ms() -> int:
    """When something was said, by a clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class Stage:
    """A sandbox whose bridge dies and is started again."""

    sandbox: Sandbox
    lives: list[Mortal] = field(default_factory=list)
    strangers: Iterator[str] = field(default_factory=customers)
    texts: list[CustomerText] = field(default_factory=list)
    replies: list[AgentReply] = field(default_factory=list)
    prepare: Callable[[Service], None] = lambda _: None
    _unheard: list[str] = field(default_factory=list)  # of what stands in no ticket
    _keys: int = 0

    @property
    def bridge(self) -> Mortal:
        """The life that is led now."""
        return self.lives[-1]

    async def live(self, fault: Fault | None = None) -> None:
        """Start the bridge on what its last life has stored; a fault may end this life too."""
        service = self.sandbox.make_service()
        self.prepare(service)
        mortal = Mortal(service)
        mortal.arm(fault)
        self.lives.append(mortal)
        await mortal.start()

    async def die(self) -> None:
        """End the life that is led now, however far it is, and clear it away."""
        await self.bridge.bury()
        end_leases(self.sandbox)

    async def rise(self) -> None:
        """Start again after a death."""
        await self.die()
        await self.live()

    async def act(self, transaction: Callable[[Transaction], None]) -> None:
        """Have the bridge's own database do something; it may die of it."""
        with contextlib.suppress(asyncio.CancelledError, NotDurable):
            await self.bridge.service.database.write(transaction)

    def key(self) -> str:
        """A word that stands in one text only."""
        self._keys += 1
        return f"k{self._keys:05}k"  # all as long, or long replies would be cut elsewhere

    # ---- what is said

    async def text(self, customer: str, to: str, words: str, *pictures: File) -> None:
        """Text us. The carrier notes whether anybody answered."""
        key = self.key()
        await self._text(customer, to, f"{words} {key}", key=key, pictures=pictures)

    async def stop(self, customer: str, to: str) -> None:
        """Opt out."""
        await self._text(customer, to, "STOP", key="")

    async def start(self, customer: str, to: str) -> None:
        """Opt in again. It stands in no ticket."""
        result = await self.sandbox.twilio.customer_texts(customer, to, "START")
        if result.statuses[-1:] != (200,):
            self._unheard.append(result.sid)

    async def reply(
        self,
        ticket_id: int,
        *words: str,
        customer: str,
        sender: str,
        pictures: Sequence[File] = (),
    ) -> None:
        """Reply as an agent: one text, of which each of these words gets a key of its own."""
        keys = tuple(self.key() for _ in words)
        body = " ".join(f"{key} {said}" for key, said in zip(keys, words, strict=True))
        files = [(f"{at}.jpg", *picture) for at, picture in enumerate(pictures)]
        comment = await self.sandbox.zendesk.agent_replies(
            ticket_id, f"<p>{body}</p>", attachments=files
        )
        self.replies.append(
            AgentReply(
                keys=keys,
                ticket_id=ticket_id,
                comment_id=comment.id,
                customer=customer,
                sender=sender,
                hinted=False,
            )
        )

    async def _text(
        self, customer: str, to: str, body: str, *, key: str, pictures: Sequence[File] = ()
    ) -> None:
        begun_ms = steady_ms()
        result = await self.sandbox.twilio.customer_texts(customer, to, body, pictures)
        acknowledged = result.statuses[-1:] == (200,)
        self.texts.append(
            CustomerText(
                key=key,
                customer=customer,
                to=to,
                body=body,
                carrier_id=result.sid,
                begun_ms=begun_ms,
                told_ms=steady_ms(),
                acknowledged=acknowledged,
                opts_out=not key,
                kept_ms=self.sandbox.clock.now_ms() if acknowledged else None,
            )
        )

    # ---- until it is quiet

    async def settle(self) -> None:
        """Wait until nothing is left to do. A dead bridge is started again, and texts that were
        not answered with 200 are delivered again, as carriers do."""

        async def is_quiet() -> bool:
            if self.bridge.is_dead:
                await self.rise()
            await self._deliver_again()
            self._report_again()
            # Nothing of the far sides' is on its way; then nothing of ours is left to do; then
            # neither has brought the other anything.
            for _ in range(2):
                await self._until_idle_or_dead()
                if self.bridge.is_dead or await self._is_busy():
                    return False
            return not self._unheard and all(text.acknowledged for text in self.texts)

        await eventually(is_quiet, within_s=30.0)

    async def _until_idle_or_dead(self) -> None:
        """The carrier fetches a picture for as long as a start may take: were a death not seen
        meanwhile, each would wait for the other."""

        async def idle() -> None:
            await self.sandbox.zendesk.idle()
            await self.sandbox.twilio.idle()

        waiting = asyncio.create_task(idle())
        while not waiting.done() and not self.bridge.is_dead:
            await asyncio.wait([waiting], timeout=0.02)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async def _deliver_again(self) -> None:
        for sid in list(self._unheard):
            result = await self.sandbox.twilio.redeliver(sid)
            if result.statuses[-1:] == (200,):
                self._unheard.remove(sid)
        for text in list(self.texts):
            if not text.acknowledged:
                await self.deliver(text.carrier_id)

    async def deliver(self, carrier_id: str, *, copies: int = 1) -> None:
        """Call the webhook of a text (again)."""
        result = await self.sandbox.twilio.redeliver(carrier_id, copies=copies)
        (place,) = (n for n, text in enumerate(self.texts) if text.carrier_id == carrier_id)
        if 200 in result.statuses and not self.texts[place].acknowledged:
            self.texts[place] = replace(
                self.texts[place],
                told_ms=steady_ms(),
                acknowledged=True,
                kept_ms=self.sandbox.clock.now_ms(),
            )

    def _report_again(self) -> None:
        """Tell a failure again that nobody has listened to; other reports may stay lost."""
        twilio = self.sandbox.twilio
        told = [(sid, code) for sid, state, code in twilio.callback_log if state in FAILURES]
        for sid in {sid for sid, _ in told} - {sid for sid, code in told if code == 200}:
            message = twilio.message(sid)
            twilio.report(sid, message.status, message.error_code)

    async def _is_busy(self) -> bool:
        if any(worker._running for worker in self.bridge.service._workers):
            return True  # a sweep, perhaps
        try:
            return await self.bridge.service.database.read(_has_work)
        except asyncio.CancelledError:
            if self.bridge.is_dead:
                return True
            raise

    async def rest(self) -> None:
        """Start once more and sweep: what no webhook told of is found."""
        await self.rise()
        await self.settle()

    # ---- what came of it

    async def violations(self) -> list[Violation]:
        """Start twice more, and ask the checker about everything so far. The bridge is dead
        afterwards."""
        ledger = read_ledger(self.sandbox.twilio, self.sandbox.zendesk)
        restarted = []
        for _ in range(2):
            await self.rest()
            restarted.append(read_ledger(self.sandbox.twilio, self.sandbox.zendesk))
        await self.die()
        hinted = hinted_comments(self.sandbox.zendesk)
        assert self.sandbox.settings is not None
        return find_violations(
            Case(
                history=History(
                    texts=tuple(self.texts),
                    replies=tuple(
                        replace(each, hinted=each.comment_id in hinted) for each in self.replies
                    ),
                    swept=True,
                ),
                ledger=ledger,
                ending=read_ending(self.sandbox.settings.database_url),
                restarted=restarted,
            )
        )

    async def close(self) -> None:
        """End everything."""
        if self.lives:
            await self.bridge.bury()
        self.sandbox.service = None
        await self.sandbox.stop()


def _has_work(tx: Transaction) -> bool:
    """Whether something waits; a sweep counts when it is due."""
    due = tx.first("SELECT 1 FROM lanes WHERE due_at <= $1 LIMIT 1", tx.now_ms())
    return due is not None or work.backlog(tx)[0] > 0


async def open_stage(
    folder: Path,
    store_url: str,
    *,
    clock: Clock | None = None,
    changes: Mapping[str, str] | None = None,
) -> Stage:
    """Both far sides, set up; the bridge is not started yet."""
    settings = {**PACE, "BRIDGE_DATABASE_URL": store_url, **(changes or {})}
    sandbox = Sandbox(folder=folder, port=free_port(), clock=clock, changes=settings)
    await sandbox.start_far_sides()
    await sandbox.set_up()
    sandbox.zendesk.deliveries.pause_scale = 0.01
    sandbox.twilio.fetch_within_s = 60.0  # a picture outlasts a death of the bridge
    return Stage(sandbox)
