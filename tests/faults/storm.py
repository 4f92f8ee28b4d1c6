"""A storm: texts and replies through faulty connections, while `bridge serve` is killed.

Every choice comes from one seed: who says what and when, which calls break and how, who is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import Ticket
from tests.faults.checker import EXPLAINED, Case, find_violations
from tests.faults.ending import count_unfinished, read_ending
from tests.faults.ledger import (
    AgentReply,
    CustomerText,
    History,
    Ledger,
    hinted_comments,
    read_ledger,
)
from tests.faults.plan import WORDS, Plan, Report, customers
from tests.faults.proxy import FaultProxy, Kind, RandomFaults
from tests.flows.cast import ACME, VIP
from tests.flows.conftest import free_port
from tests.flows.serving import Process

WEIGHTS: dict[Kind, float] = {
    "delay": 4,
    "slow_answer": 4,
    "drop": 3,
    "lose_answer": 3,
    "cut_request": 2,
    "cut_answer": 2,
    "drip": 1,
    "drip_request": 1,
    "black_hole": 0.5,
    "half_open": 0.5,
}
# A network repeats nothing by itself, but carriers and Zendesk repeat their webhooks.
WEBHOOK_WEIGHTS: dict[Kind, float] = {**WEIGHTS, "repeat": 4}
LONGEST_FAULT_S = 2.5  # the last look for a lost text comes well after what is still on its way
SETTINGS = {
    "BRIDGE_HTTP_TIMEOUT": "5",
    "BRIDGE_RETRY_BASE": "0.5",
    "BRIDGE_RETRY_MAX": "1",
    "BRIDGE_SETTLE_WAIT": "0.5",
    "BRIDGE_SWEEP_INTERVAL": "2",
    "BRIDGE_ZENDESK_UPDATES_PER_MINUTE": "0",
    "BRIDGE_ZENDESK_UPDATES_PER_TICKET": "0",
}
# As the manual says, but not as patient: retries of everything, within 15 seconds in all.
WEBHOOK = "/carriers/twilio/inbound#ct=2000&rt=3000&rc=5&rp=all"
CANARY = "zebrafinch"  # in every text
LONG = " and so on" * 160  # makes two texts of a reply
# Worth a figure though nothing is wrong.
ODD = frozenset({"text.sent_again", "text.recovered", "work.lease_lost", "account.paused"})
EXPORT_LAG_S = 2.0
MOMENT_S = 0.7
LEASE_LEFT_S = 5.0
START_S = 180.0  # a machine may have other things to do
SWEPT_AFTER_S = 8.0  # a sweep leaves out what is younger than 5 s: its webhook may come yet


class Storm:
    """One storm over one database. `run` once."""

    def __init__(self, plan: Plan, folder: Path, database_url: str) -> None:
        self._plan = plan
        self._folder = folder
        self._chance = random.Random(plan.seed)
        self._webhooks, self._zendesk, self._twilio = self.proxies = [
            FaultProxy(plan.seed + number) for number in range(3)
        ]
        self._settings = {**SETTINGS, "BRIDGE_DATABASE_URL": database_url}
        self._database_url = database_url
        self._processes: list[Process] = []
        self._texts: list[CustomerText] = []
        self._replies: list[AgentReply] = []
        self._texted: dict[str, str] = {}  # customers, and the number of ours that they text
        self._is_calm = asyncio.Event()
        self._keys: Iterator[str] = iter(())
        self.report = Report(plan=plan)

    async def run(self) -> Report:
        """Have everything happen, wait for quiet, restart twice, and judge."""
        await self._build()
        try:
            await self._talk()
            began = time.monotonic()
            await self._settle()
            self.report.settled_s = time.monotonic() - began
            history = self._history()
            ledger = read_ledger(self.sandbox.twilio, self.sandbox.zendesk)
            restarted = [await self._restart() for _ in range(2)]
        finally:
            for process in self._processes:
                await process.close()
            for proxy in self.proxies:
                await proxy.stop()
            await self.sandbox.stop()
        case = Case(
            history=history,
            ledger=ledger,
            ending=read_ending(self._database_url),
            restarted=restarted,
            log="".join(each.log_path.read_text(errors="replace") for each in self._processes),
            canaries=self._canaries(),
        )
        self._sum_up(case)
        return self.report

    async def _build(self) -> None:
        for proxy in self.proxies:
            await proxy.start()
        self._settings |= {
            "BRIDGE_PUBLIC_URL": self._webhooks.url,
            "BRIDGE_ZENDESK_URL": self._zendesk.url,
            "BRIDGE_TWILIO_API_URL": self._twilio.url,
        }
        first = free_port()
        self.sandbox = Sandbox(folder=self._folder, port=first, changes=self._settings)
        await self.sandbox.start_far_sides()
        self.sandbox.zendesk.account.export_lag_s = EXPORT_LAG_S
        self.sandbox.zendesk.deliveries.timeout_s = 3.0
        self.sandbox.twilio._caller.retry_pause_s = 0.5
        webhook = self._webhooks.url + WEBHOOK
        self.sandbox.twilio.add_number(ACME, webhook, kind="long_code")
        self.sandbox.twilio.add_number(VIP, webhook, kind="short_code")
        ports = [first, *(free_port() for _ in range(self._plan.processes - 1))]
        self._webhooks.upstreams = ports
        self._zendesk.upstreams = [_port(self.sandbox.zendesk.url)]
        self._twilio.upstreams = [_port(self.sandbox.twilio.url)]
        await self.sandbox.set_up()
        self._processes = [Process(self.sandbox, self._folder, port=port) for port in ports]
        await asyncio.gather(*(process.start(within_s=START_S) for process in self._processes))

    # -- what happens -------------------------------------------------------------------------

    async def _talk(self) -> None:
        began = time.monotonic()
        numbers = customers()
        plan, chance = self._plan, self._chance
        people = [next(numbers) for _ in range(plan.conversations)]
        self._keys = (f"{CANARY}{plan.seed}x{count}" for count in range(10**9))
        for number, proxy in enumerate(self.proxies):
            proxy.program = RandomFaults(
                seed=plan.seed * 3 + number,
                share=plan.faults,
                weights=WEBHOOK_WEIGHTS if proxy is self._webhooks else WEIGHTS,
                longest_s=LONGEST_FAULT_S,
            )
        counts = Counter(chance.choices(people, k=plan.texts))
        self._is_calm.clear()
        killer = asyncio.create_task(self._kill_now_and_then())
        try:
            async with asyncio.TaskGroup() as group:
                for person in people:
                    seed = chance.getrandbits(32)
                    group.create_task(self._text(person, max(1, counts[person]), seed))
                group.create_task(self._answer())
        finally:
            self._is_calm.set()
            await killer
        self.report.talked_s = time.monotonic() - began
        for proxy in self.proxies:
            proxy.program = None

    async def _text(self, person: str, count: int, seed: int) -> None:
        """One customer: a text when the last one was answered, or wasn't; perhaps a STOP."""
        chance = random.Random(seed)
        to = self._texted[person] = chance.choice([ACME, VIP])
        stop_at = chance.randrange(1, count + 1) if chance.random() < self._plan.stops else None
        moments = sorted(chance.uniform(0, self._plan.seconds) for _ in range(count))
        began = time.monotonic()
        for turn, moment in enumerate(moments):
            await asyncio.sleep(max(0.0, moment - (time.monotonic() - began)))
            if turn == stop_at:
                await self._say(person, to, "STOP", opts_out=True)
            key = next(self._keys)
            await self._say(person, to, f"{key} {chance.choice(WORDS)}", key=key, chance=chance)

    async def _say(
        self,
        person: str,
        to: str,
        body: str,
        *,
        key: str = "",
        opts_out: bool = False,
        chance: random.Random | None = None,
    ) -> None:
        begun_ms = self.sandbox.clock.now_ms()
        copies = 2 if chance is not None and chance.random() < 0.1 else 1
        told = await self.sandbox.twilio.customer_texts(
            person, to, body, copies=copies, concurrent=True
        )
        now_ms = self.sandbox.clock.now_ms()
        acknowledged = any(200 <= status < 300 for status in told.statuses)
        self._texts.append(
            CustomerText(
                key=key,
                customer=person,
                to=to,
                body=body,
                carrier_id=told.sid,
                begun_ms=begun_ms,
                told_ms=now_ms,
                acknowledged=acknowledged,
                opts_out=opts_out,
                kept_ms=now_ms if acknowledged else None,
            )
        )

    async def _answer(self) -> None:
        """The agents: a reply now and then, on any ticket that is open."""
        chance = random.Random(self._plan.seed + 1)
        pause_s = self._plan.seconds / self._plan.replies
        while len(self._replies) < self._plan.replies:
            await asyncio.sleep(chance.uniform(0, 2 * pause_s))
            tickets = list(self.sandbox.zendesk.tickets.values())
            usable = [ticket for ticket in tickets if ticket.status != "closed"]
            if usable:
                await self._reply(chance.choice(usable), chance)

    async def _reply(self, ticket: Ticket, chance: random.Random) -> None:
        zendesk = self.sandbox.zendesk
        keys = [next(self._keys)]
        body = f"{keys[0]} {chance.choice(WORDS)}"
        if chance.random() < 0.03:
            keys.append(next(self._keys))
            body += f"{LONG} {keys[1]}"
        status = "solved" if chance.random() < 0.1 else None
        comment = await zendesk.agent_replies(ticket.id, f"<p>{body}</p>", status=status)
        if status and chance.random() < 0.3:
            await zendesk.set_status(ticket.id, "closed")
        customer = zendesk.users[ticket.requester_id].phone or ""
        self._replies.append(
            AgentReply(
                keys=tuple(keys),
                ticket_id=ticket.id,
                comment_id=comment.id,
                customer=customer,
                sender=self._texted[customer],
                hinted=False,
            )
        )

    async def _kill_now_and_then(self) -> None:
        """Kill somebody who is up at every stroke, and have them start again at once.

        Who has just come up has a moment, so that something is under way when it is struck: a
        longer one where the machine is so busy that starting took long.
        """
        chance, starts = random.Random(self._plan.seed + 2), set[asyncio.Task[None]]()

        async def start(process: Process) -> None:
            began = time.monotonic()
            await process.start(within_s=START_S)
            await asyncio.sleep(max(MOMENT_S, time.monotonic() - began - MOMENT_S))

        while not self._is_calm.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_calm.wait(), self._plan.kill_every_s)
                break
            starting = {task.get_name() for task in starts if not task.done()}
            up = [each for each in self._processes if each.url not in starting]
            if up:
                process = chance.choice(up)
                await process.kill(lease_holds=True)
                if self._plan.processes > 1 and not self._plan.real_leases:
                    await asyncio.to_thread(shorten_leases, self._database_url)
                self.report.kills += 1
                starts.add(asyncio.create_task(start(process), name=process.url))
        await asyncio.gather(*starts)

    # -- quiet --------------------------------------------------------------------------------

    async def _settle(self, swept_after_s: float = SWEPT_AFTER_S) -> None:
        """Wait until sweeps have seen everything and nothing is left to do; what gets no further
        is for the checker to say."""
        since_ms = self.sandbox.clock.now_ms() + int(swept_after_s * 1000)
        for _ in range(2):  # a sweep that ends then may have begun before; the next one has not
            await self._wait_for_quiet(since_ms)
            since_ms = self.sandbox.clock.now_ms() + 1

    async def _wait_for_quiet(self, since_ms: int) -> None:
        """Wait for as long as anything gets on: how fast, is the machine's business."""
        moved, least, effects = time.monotonic(), math.inf, 0
        while time.monotonic() - moved < self._plan.patience_s:
            unfinished = await self._count_unfinished(since_ms)
            if not unfinished:
                return
            done = len(self.sandbox.zendesk.writes) + len(self.sandbox.twilio.sent)
            if unfinished < least or done > effects:
                moved, least, effects = time.monotonic(), min(unfinished, least), done
            await asyncio.sleep(0.2)

    async def _count_unfinished(self, since_ms: int) -> int:
        for _ in range(2):
            count = await asyncio.to_thread(count_unfinished, self._database_url, since_ms)
            if count:
                return count
            await self.sandbox.zendesk.idle()
            await self.sandbox.twilio.idle()
        return 0

    async def _restart(self) -> Ledger:
        for process in self._processes:
            await process.kill()
        await asyncio.gather(*(process.start(within_s=START_S) for process in self._processes))
        await self._settle(swept_after_s=0.0)
        return read_ledger(self.sandbox.twilio, self.sandbox.zendesk)

    def _history(self) -> History:
        hinted = hinted_comments(self.sandbox.zendesk)
        replies = [replace(each, hinted=each.comment_id in hinted) for each in self._replies]
        return History(texts=tuple(self._texts), replies=tuple(replies), swept=True)

    def _canaries(self) -> frozenset[str]:
        environment = self.sandbox._environment
        kept = {name for name in environment if name.endswith(("_SECRET", "_KEY", "_TOKEN"))}
        numbers = {number.removeprefix("+1") for number in self._texted}
        return frozenset({CANARY, *numbers, *(environment[name] for name in kept)})

    def _sum_up(self, case: Case) -> None:
        report = self.report
        report.texts, report.replies = len(case.history.texts), len(case.history.replies)
        report.unacknowledged = sum(not text.acknowledged for text in case.history.texts)
        report.unhinted = sum(not reply.hinted for reply in case.history.replies)
        for proxy in self.proxies:
            report.faults += proxy.injected
        for line in case.log.splitlines():
            with contextlib.suppress(ValueError):  # a kill can cut a line
                said = json.loads(line)
                if said.get("level") in ("error", "critical") or said["event"] in ODD:
                    report.logged[said["event"]] += 1
        report.states.update(
            f"{each.direction} {each.state} ({each.reason})"
            for each in case.ending.messages
            if each.state in EXPLAINED
        )
        report.states.update(
            f"{each.kind} set aside ({each.reason})"
            for each in case.ending.work
            if each.state == "failed"
        )
        report.violations = find_violations(case)


def shorten_leases(url: str) -> None:
    """Have the claims of a killed process end in seconds instead of a minute.

    Whose a claim is can't be told: where a living one has one for longer than that, it loses it.
    """
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE lanes IN EXCLUSIVE MODE")  # another may be at work
        now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
        left = int(LEASE_LEFT_S * 1000)
        connection.execute(
            f"UPDATE lanes SET due_at = least(due_at, {now} + {left}) "
            "WHERE lease IS NOT NULL".encode()
        )


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
