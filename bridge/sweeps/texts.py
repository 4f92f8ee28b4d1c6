"""Texts whose webhook never came: the carrier's own list, compared with what we have.

What is missing goes the way of any other text; the carrier's id decides that it is one text, should
its webhook come after all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, Protocol

import structlog

from bridge.carriers.contract import Carrier, InboundText
from bridge.domain.directory import Directory
from bridge.errors import CredentialsRefused, Refused
from bridge.inbound.judge import Rules
from bridge.inbound.receive import take_in
from bridge.store import contacts, messages, restored, sweeps
from bridge.store.database import Database, Transaction
from bridge.sweeps import wording
from bridge.sweeps.plan import plan_next
from bridge.ticketing.notes import put_note
from bridge.work.outcomes import Done, Job, Outcome

log = structlog.get_logger()

OVERLAP_MS = 600_000  # a text may come into the list late
ON_ITS_WAY_MS = 5_000  # its webhook is likely to come yet
AT_ONCE = 50  # texts taken in by one transaction


class Counters(Protocol):
    """What is counted here."""

    def count_inbound(self, verdict: str) -> None:
        """Count a text that got its verdict."""
        ...

    def count_recovered(self, what: Literal["text"]) -> None:
        """Count what a sweep found."""
        ...


@dataclass(slots=True, kw_only=True)
class _Listed:
    """What the carrier listed: the texts, and how far each sender's list has been read."""

    texts: list[InboundText] = field(default_factory=list)
    positions: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSweep:
    """Sweeps the carriers."""

    database: Database
    carriers: Mapping[str, Carrier]
    directory: Callable[[Transaction], Directory]
    rules: Rules
    counters: Counters
    interval_ms: int

    async def sweep(self, job: Job) -> Outcome:
        """Take in what one carrier lists and we don't have."""
        carrier = self.carriers.get(job.item.account)
        if carrier is None or not carrier.capabilities.can_list:
            return Done(words="nothing to list", save=lambda tx: self._pass_over(tx, job, carrier))
        senders, now_ms = await job.keep_much(lambda tx: self._begin(tx, carrier.name))
        listed = await self._list(carrier, senders, now_ms - ON_ITS_WAY_MS)
        ids = [text.carrier_id for text in listed.texts]
        missing = await self.database.read(lambda tx: messages.not_taken_in(tx, carrier.name, ids))
        texts = [text for text in listed.texts if text.carrier_id in missing]
        if texts:
            known = [text for text in listed.texts if text.carrier_id not in missing]
            await self._date(job, carrier.name, known)
        for first in range(0, len(texts), AT_ONCE):
            await self._take(job, carrier.name, texts[first : first + AT_ONCE])

        def save(tx: Transaction) -> None:
            for sender, position in listed.positions.items():
                sweeps.move(tx, carrier.name, sender, position=position, is_done=True)
            reached_ms = now_ms - ON_ITS_WAY_MS
            is_whole = restored.note_swept(tx, carrier.name, reached_ms=reached_ms)
            soon_ms = min(self.interval_ms, ON_ITS_WAY_MS)
            plan_next(tx, job.item, self.interval_ms if is_whole else soon_ms)

        return Done(words=f"{len(texts)} texts recovered", save=save)

    def _pass_over(self, tx: Transaction, job: Job, carrier: Carrier | None) -> None:
        restored.note_swept(tx, job.item.account)  # what can't be asked is not waited for
        if carrier is not None and carrier.capabilities.finds_state:
            plan_next(tx, job.item, self.interval_ms)

    def _begin(self, tx: Transaction, carrier: str) -> tuple[Mapping[str, sweeps.Position], int]:
        senders = self.directory(tx).senders
        ours = [address for address, sender in senders.items() if sender.carrier == carrier]
        sweeps.keep_only(tx, carrier, ours)
        return {address: sweeps.begin(tx, carrier, address) for address in ours}, tx.now_ms()

    async def _list(
        self, carrier: Carrier, senders: Mapping[str, sweeps.Position], until_ms: int
    ) -> _Listed:
        """Everything since each sender's position, oldest first over all senders: a STOP to one
        number and a START to another have to keep their order."""
        listed = _Listed()
        for sender, place in senders.items():
            reached_ms = int(place.position or place.since_ms)
            # The list's times are whole seconds: better one second of history than a text less.
            since_ms = max(place.since_ms // 1000 * 1000, reached_ms - OVERLAP_MS)
            try:
                found = await carrier.list_inbound(since_ms=since_ms, senders=[sender])
            except CredentialsRefused:
                raise
            except Refused as error:
                log.warning("sweep.refused", account=carrier.name, reason=error.words)
                continue
            ripe = [text for text in found if (text.sent_at_ms or 0) <= until_ms]
            newest_ms = max((text.sent_at_ms or 0 for text in ripe), default=reached_ms)
            listed.positions[sender] = str(max(newest_ms, reached_ms))
            listed.texts += ripe
        listed.texts.sort(key=lambda text: text.sent_at_ms or 0)
        return listed

    async def _date(self, job: Job, carrier: str, known: Sequence[InboundText]) -> None:
        """Learn when those were sent whose webhook came: perhaps late, and after a word that is
        missing still."""
        for first in range(0, len(known), AT_ONCE):
            some = known[first : first + AT_ONCE]
            await job.keep_much(partial(_date_opt_ins, carrier=carrier, texts=some))

    async def _take(self, job: Job, carrier: str, texts: Sequence[InboundText]) -> None:
        taken = await job.keep_much(lambda tx: self._take_in(tx, carrier, texts))
        for message_id, verdict in taken:
            self.counters.count_inbound(verdict)
            self.counters.count_recovered("text")
            log.info("text.recovered", carrier=carrier, message=message_id, verdict=verdict)

    def _take_in(
        self, tx: Transaction, carrier: str, texts: Sequence[InboundText]
    ) -> list[tuple[str, str]]:
        directory = self.directory(tx)
        taken: list[tuple[str, str]] = []
        late: dict[str, list[int]] = defaultdict(list)
        for text in texts:
            how: messages.Recovered = "withheld" if text.withheld else "missed"
            done = take_in(tx, carrier, text, directory, self.rules, recovered=how)
            if done is None:  # its webhook came meanwhile
                _date_opt_ins(tx, carrier=carrier, texts=[text])
                continue
            taken.append((done.message_id, done.verdict))
            message = messages.get(tx, done.message_id)
            if message is not None and message.conversation_id and done.verdict == "ticket":
                late[message.conversation_id].append(text.sent_at_ms or tx.now_ms())
        known = restored.current(tx)
        if known is not None and known.is_looking:
            return taken  # most of these stand on their tickets already, and came in time
        for conversation_id, times in late.items():
            put_note(
                tx,
                conversation_id=conversation_id,
                text=wording.came_late(times),
                tags=wording.RECOVERED_TAGS,
            )
        return taken


def _date_opt_ins(tx: Transaction, *, carrier: str, texts: Sequence[InboundText]) -> None:
    for text in texts:
        if text.sent_at_ms is not None:
            contacts.date_opt_in(tx, carrier, text.carrier_id, text.sent_at_ms)
