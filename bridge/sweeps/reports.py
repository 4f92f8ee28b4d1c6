"""Delivery reports that never came: the carrier is asked what became of a text, a few times.

It answers as it does when a lost send is looked for; what it says is tracked like a report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from bridge.carriers.contract import Accepted, Carrier, DeliveryReport, OutgoingText
from bridge.domain.directory import Directory
from bridge.errors import Refused, TryLater
from bridge.outbound.track import FAILURES, take_report
from bridge.store import messages, parts, restored
from bridge.store.database import Transaction
from bridge.store.messages import Message
from bridge.store.parts import Part
from bridge.work.outcomes import Job

log = structlog.get_logger()

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
# How long after a text began to leave it is asked about: a report comes within seconds mostly, and
# a phone that is off is tried for a day or so.
ASKED_AFTER_MS = (15 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS, 24 * HOUR_MS)
LONGEST_MS = 48 * HOUR_MS  # an outage may have been longer than the last of these
MOST_ASKED = 100  # in one sweep
FINAL = FAILURES | {"delivered"}


class Counters(Protocol):
    """What is counted here."""

    def count_outbound(self, state: str) -> None:
        """Count a text to a customer that came into this state."""
        ...

    def count_recovered(self, what: Literal["report"]) -> None:
        """Count what a sweep found."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """A text that is to be asked about, and the how-many-th time that will have been."""

    part: Part
    message: Message
    began_ms: int
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSweep:
    """Asks carriers about texts that have no final state."""

    carriers: Mapping[str, Carrier]
    directory: Callable[[Transaction], Directory]
    counters: Counters

    async def ask(self, job: Job) -> None:
        """Ask about what is due. Where the carrier won't say, the rest waits for the next sweep.

        That goes for a key that may send but not ask, too: were the account paused, nothing would
        be sent. Raises TryLater where the carrier asks for a pause.
        """
        carrier = self.carriers.get(job.item.account)
        if carrier is None or not carrier.capabilities.finds_state:
            return
        for due in await job.read(lambda tx: _due(tx, carrier.name)):
            try:
                found = await carrier.find_sent(_text(due), since_ms=due.began_ms)
            except (Refused, TryLater) as error:
                await job.keep(lambda tx, due=due: parts.note_asked(tx, due.part.id, due.asked))  # type: ignore[misc]
                log.warning("sweep.refused", account=carrier.name, reason=error.words)
                if isinstance(error, TryLater) and error.pause_s is not None:
                    raise
                return
            await self._track(job, carrier, due, found)

    async def _track(
        self, job: Job, carrier: Carrier, due: _Due, found: Sequence[Accepted]
    ) -> None:
        fate = next((one for one in found if one.carrier_id == due.part.carrier_id), None)
        state = await job.keep(lambda tx: self._keep(tx, carrier, due, fate))
        if state is not None:
            self.counters.count_outbound(state)
            self.counters.count_recovered("report")
            log.info("report.recovered", carrier=carrier.name, message=due.message.id, state=state)

    def _keep(
        self, tx: Transaction, carrier: Carrier, due: _Due, fate: Accepted | None
    ) -> str | None:
        """Track a final state like a report of it. Returns the state that the message came into."""
        parts.note_asked(tx, due.part.id, due.asked)
        if fate is None or fate.state not in FINAL:
            return None
        report = DeliveryReport(
            carrier_id=fate.carrier_id,
            ref=due.part.id,
            state=fate.state,
            error=fate.error,
            reason=fate.reason,
        )
        _, state = take_report(tx, carrier, report, self.directory(tx))
        known = restored.current(tx)
        if known is not None and known.may_be_done(due.began_ms):
            restored.flag_notes_of(tx, due.message.id, known)
        return state


def _due(tx: Transaction, carrier: str) -> Sequence[_Due]:
    """What is to be asked about now: what nobody has asked about yet before what has been."""
    known = restored.current(tx)
    if known is not None and known.is_looking:
        return ()
    now_ms = tx.now_ms()
    found: list[_Due] = []
    for asked, after_ms in enumerate(ASKED_AFTER_MS):
        some = parts.without_end(
            tx,
            carrier,
            asked=asked,
            since_ms=now_ms - LONGEST_MS,
            until_ms=now_ms - after_ms,
            most=MOST_ASKED - len(found),
        )
        for part in some:
            message = messages.get(tx, part.message_id)
            assert message is not None, "a part has a message"  # noqa: S101 - never deleted
            found.append(_made(part, message, now_ms))
    return found


def _made(part: Part, message: Message, now_ms: int) -> _Due:
    began_ms = part.begun_at or message.created_at
    age_ms = now_ms - began_ms
    # After an outage once does for all the times that have passed.
    asked = sum(after_ms <= age_ms for after_ms in ASKED_AFTER_MS)
    return _Due(part=part, message=message, began_ms=began_ms, asked=asked)


def _text(due: _Due) -> OutgoingText:
    return OutgoingText(
        ref=due.part.id,
        sender=due.message.sender,
        customer=due.message.customer,
        body=due.part.body,
        status_url="",
    )
