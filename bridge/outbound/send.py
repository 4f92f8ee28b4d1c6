"""Send a message's parts in order, each exactly once wherever the carrier lets us be sure.

The intent is durable before a request leaves. Where its outcome is not known, the next try looks:
a delivery report that names our id settles it, else the carrier's list does, at growing pauses, or
the same send once more where the carrier knows it by its key; what no look settles goes by the
sender's policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from bridge.carriers.contract import Accepted, Carrier, OutgoingText
from bridge.desks.contract import Desk
from bridge.domain.directory import Directory
from bridge.errors import CredentialsRefused, OutcomeUnknown, Refused, TryLater
from bridge.outbound import pace, wording
from bridge.outbound.compose import FILES
from bridge.outbound.counting import Counters, Counting
from bridge.outbound.gate import Refusal, kept_back_by, refusal
from bridge.outbound.track import (
    apply_state,
    learn_from,
    sum_up,
    tell_agent,
    tell_of_halt,
    tell_what_went,
)
from bridge.outbound.withdrawn import was_withdrawn, withdraw
from bridge.store import comments, conversations, files, messages, parts, restored, work
from bridge.store.database import Transaction
from bridge.store.files import File
from bridge.store.messages import Message
from bridge.store.parts import ASKED, RESENT, EarlyReport, Part
from bridge.store.restored import FLAG, TOO_OLD
from bridge.store.work import Item
from bridge.work.outcomes import Done, GaveUp, Job, Later, Outcome, its_turn_later, kept_back

log = structlog.get_logger()

LOOKS = (1, 4, 12, 36)  # when to look, in multiples of the settle wait since the send began
KEY_HOLDS_MS = 23 * 3600 * 1000  # carriers keep an idempotency key for a day
TO_SEND = frozenset({"queued", "sending", "failed", "refused", "uncertain"})
Policy = Literal["resend", "hold"]


@dataclass(frozen=True, slots=True)
class Found:
    """The carrier has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    message: Message
    parts: tuple[Part, ...]
    carrier: Carrier
    now_ms: int  # the database's time: what begun_at and created_at are told by
    counting: Counting
    policy: Policy
    media_urls: tuple[str, ...]  # they go with the last part
    lost_files: tuple[str, ...]  # by name: they were to go along, and are not kept any more


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSender:
    """Sends stored messages through their carriers."""

    desk: Desk
    carriers: Mapping[str, Carrier]
    directory: Callable[[Transaction], Directory]
    public_url: str
    settle_wait_s: float
    counters: Counters
    address_of: Callable[[File], str]

    async def send(self, job: Job) -> Outcome:
        """Send what is left of one message."""
        case = await job.read(lambda tx: self._load(tx, job.item))
        if await was_withdrawn(self.desk, job, case.message, case.now_ms):
            return Done(
                words=wording.MADE_PRIVATE,
                **case.counting.ends(lambda tx: withdraw(tx, case.message)),
            )
        for part in case.parts:
            if part.carrier_id is not None or part.state not in TO_SEND:
                continue
            stop = await self._send_part(job, case, part)
            if stop is not None:
                return stop
        return Done(words="sent", save=lambda tx: self._conclude(tx, case, job.item))

    def _load(self, tx: Transaction, item: Item) -> _Case:
        message = messages.get(tx, str(item.message_id))
        assert message is not None, "never deleted"  # noqa: S101
        carrier = self.carriers.get(message.carrier)
        if carrier is None:
            words = f"no credentials are set for the carrier {message.carrier}"
            raise CredentialsRefused(message.carrier, words, code="unset")
        sender = self.directory(tx).senders.get(message.sender)
        asked = None if sender is None else sender.on_uncertain
        # What may have been sent before a restore, where the carrier can't be asked, is held too.
        is_lost = FLAG in item.payload and not carrier.capabilities.can_find_sent
        holds = message.kind == "campaign" or is_lost
        default: Policy = "hold" if holds else "resend"
        there = files.of_message(tx, message.id) if FILES in item.payload else ()
        return _Case(
            message=message,
            parts=tuple(parts.of_message(tx, message.id)),
            carrier=carrier,
            policy=asked or default,
            now_ms=tx.now_ms(),
            counting=Counting(self.counters, message.id),
            media_urls=tuple(self.address_of(file) for file in there),
            lost_files=_lost(message, there) if FILES in item.payload else (),
        )

    async def _send_part(self, job: Job, case: _Case, part: Part) -> Outcome | None:
        """Send one part. Returns None when it is with the carrier, else how the work goes on."""
        found = await self._find_out(job, case, part)
        if found is not None:
            return None if isinstance(found, Found) else found
        stop = await job.keep(lambda tx: self._admit(tx, case, part))
        if isinstance(stop, Refusal):
            refused = stop
            return Done(
                words=refused.reason,
                **case.counting.ends(lambda tx: self._refuse(tx, case, part, refused, None)),
            )
        if stop is not None:
            return None if isinstance(stop, Found) else stop
        text = self._text(case, part)
        try:
            accepted = await case.carrier.send(text)
        except OutcomeUnknown as error:
            return _wait_for_sign(job, part, error.words, LOOKS[0] * self.settle_wait_s)
        except (TryLater, CredentialsRefused):
            await job.keep(lambda tx: self._take_back(tx, case, part))
            raise
        except Refused as error:
            return self._refused_by_carrier(case, part, error)
        await case.counting.keep(job, lambda tx: self._accept(tx, case, part, accepted))
        # The ids of both sides: with them a line leads from the webhook to the text.
        log.info(
            "text.sent",
            message=case.message.id,
            comment=case.message.comment_id,
            part=part.position,
            carrier_id=accepted.carrier_id,
        )
        return None

    async def _find_out(self, job: Job, case: _Case, part: Part) -> Found | Outcome | None:
        """Where it may have left already: whether it has. None: send it."""
        if part.state == "sending":
            settled = await self._settle(job, case, part)
            if settled is not None:
                return settled
            part = await job.read(_fresh(part))
            return None if part.carrier_id is None else Found()
        if FLAG in job.item.payload and part.begun_at is None:
            return await self._look_before(job, case, part)
        return None

    def _admit(self, tx: Transaction, case: _Case, part: Part) -> Refusal | Later | Found | None:
        """Ask the gate and the sender's pace, and note the intent, in one transaction."""
        if _fresh(part)(tx).carrier_id is not None:
            return Found()  # its delivery report came since it was loaded
        sender = self.directory(tx).senders.get(case.message.sender)
        # What may have left already counts as one of the hour's itself.
        is_first = part.position == 0 and part.begun_at is None and part.looks == 0
        refused = refusal(tx, case.message, sender, is_first=is_first)
        if refused is not None:
            return refused
        if case.lost_files:
            # It said what it said with them: without, it would be another text.
            note = wording.files_lost(case.lost_files)
            return Refusal(reason=wording.FILES_LOST, note=note)
        number, kept_by = case.message.sender, kept_back_by(self.directory(tx), case.message.sender)
        if kept_by == wording.HALTED:
            tell_of_halt(tx, case.message)
        if kept_by is not None:
            return kept_back(kept_by, lambda tx: kept_back_by(self.directory(tx), number))
        asked = None if sender is None else sender.pace
        kind = "long_code" if sender is None else sender.kind
        wait_ms = pace.wait_ms(
            tx,
            case.message,
            part,
            pace=asked or case.carrier.capabilities.pace.get(kind),
            is_strict=asked is not None,
        )
        if wait_ms > 0:
            return its_turn_later("the sender's pace", wait_ms)
        parts.begin(tx, part.id)
        messages.set_state(tx, case.message.id, "sending")
        return None

    def _text(self, case: _Case, part: Part) -> OutgoingText:
        return OutgoingText(
            ref=part.id,
            sender=case.message.sender,
            customer=case.message.customer,
            body=part.body,
            status_url=f"{self.public_url}/carriers/{case.carrier.name}/status?ref={part.id}",
            media_urls=case.media_urls if part.position == case.parts[-1].position else (),
        )

    async def _settle(self, job: Job, case: _Case, part: Part) -> Outcome | None:
        """Find out about a send whose answer was lost. None: go on (sent, or to be sent again)."""
        begun_at = part.begun_at or case.message.created_at
        looks = part.looks % RESENT
        due_ms = begun_at + int(LOOKS[min(looks, len(LOOKS) - 1)] * self.settle_wait_s * 1000)
        wait_s = (due_ms - case.now_ms) / 1000
        if wait_s > 0:
            return _wait_for_sign(job, part, "waiting for a sign of the text", wait_s)
        if case.carrier.capabilities.can_find_sent:
            found = await case.carrier.find_sent(self._text(case, part), since_ms=begun_at)
            if await case.counting.keep(job, lambda tx: self._adopt(tx, case, part, found)):
                return None
        now_ms = await job.keep(lambda tx: _count_look(tx, part))
        is_asked = part.looks >= ASKED
        if _repeats_safely(case.carrier, now_ms - begun_at):
            if looks + 1 < len(LOOKS):
                return None  # made again under its key: if it went out, this says so
        elif looks + 1 < len(LOOKS) and not is_asked:
            due_ms = begun_at + int(LOOKS[looks + 1] * self.settle_wait_s * 1000)
            wait_s = max(0.0, (due_ms - now_ms) / 1000)
            return _wait_for_sign(job, part, "no sign of the text yet", wait_s)
        if is_asked or (case.policy == "resend" and part.looks < RESENT):
            log.warning("text.sent_again", message=case.message.id, part=part.position)
            await job.keep(lambda tx: parts.send_again(tx, part.id))
            return None
        return GaveUp(
            words="it is not certain whether this text was sent",
            **case.counting.ends(lambda tx: self._leave_uncertain(tx, case, part)),
        )

    async def _look_before(self, job: Job, case: _Case, part: Part) -> Found | Outcome | None:
        """After a restore: whether the carrier has this part from before. None: send it."""
        flag = job.item.payload[FLAG]
        due_ms = int(flag["began"]) + int(LOOKS[1] * self.settle_wait_s * 1000)
        since_ms, now_ms = await job.read(
            lambda tx: (_asked_at(tx, case.message, int(flag["since"])), tx.now_ms())
        )
        wait_s = (due_ms - now_ms) / 1000
        if wait_s > 0:  # the last text of before may not stand on the list yet
            return Later(words="waits for the carrier's list to be complete", pause_s=wait_s)
        if case.carrier.capabilities.can_find_sent:
            found = await case.carrier.find_sent(self._text(case, part), since_ms=since_ms)
            if await job.keep(lambda tx: self._adopt_before(tx, job.item, case, part, found)):
                return Found()
        elif case.policy == "hold":
            return GaveUp(
                words="it may have been sent before the database was restored",
                **case.counting.ends(lambda tx: self._leave_uncertain(tx, case, part)),
            )
        if flag.get(TOO_OLD):
            return Done(
                words=wording.FOUND_TOO_LATE,
                **case.counting.ends(lambda tx: self._too_old(tx, case, part)),
            )
        return None

    def _adopt_before(
        self, tx: Transaction, item: Item, case: _Case, part: Part, found: Sequence[Accepted]
    ) -> bool:
        is_found = self._adopt(tx, case, part, found)
        restored.flag_notes(tx, item)  # what its report says has been noted before
        return is_found

    def _too_old(self, tx: Transaction, case: _Case, part: Part) -> None:
        written_ms = comments.written_at(tx, int(case.message.comment_id or 0))
        note = wording.found_too_late([written_ms], tx.now_ms())
        refused = Refusal(reason=wording.FOUND_TOO_LATE, note=note)
        self._refuse(tx, case, part, refused, None)

    def _adopt(self, tx: Transaction, case: _Case, part: Part, found: Sequence[Accepted]) -> bool:
        """Take the first text on the carrier's list that isn't one of our others."""
        fresh = parts.get(tx, part.id)
        if fresh is not None and fresh.carrier_id is not None:
            return True  # its delivery report came meanwhile
        for candidate in found:
            if not parts.is_claimed(tx, case.carrier.name, candidate.carrier_id):
                self._accept(tx, case, part, candidate)
                return True
        return False

    def _accept(self, tx: Transaction, case: _Case, part: Part, accepted: Accepted) -> None:
        """The carrier has it: keep its id, and what was reported before we knew it."""
        fresh = parts.get(tx, part.id) or part
        state = "sent" if accepted.state in ("queued", "sending") else accepted.state
        early = EarlyReport(state=state, error=accepted.error, reason=accepted.reason)
        reports = parts.take_early_reports(tx, case.carrier.name, accepted.carrier_id)
        for news in (early, *reports):
            apply_state(
                tx,
                case.carrier,
                fresh,
                news,
                self.directory(tx),
                carrier_id=accepted.carrier_id,
                segments=accepted.segments,
            )
            fresh = parts.get(tx, part.id) or fresh
        if case.message.conversation_id is not None:
            conversations.note_outbound(tx, case.message.conversation_id)

    def _take_back(self, tx: Transaction, case: _Case, part: Part) -> None:
        parts.take_back(tx, part.id)
        sum_up(tx, case.message)

    def _refused_by_carrier(self, case: _Case, part: Part, error: Refused) -> Outcome:
        carrier = case.carrier
        if carrier.errors.is_opted_out(error.code):
            note = wording.OPTED_OUT_AT_CARRIER
        elif carrier.errors.is_landline(error.code):
            note = wording.LANDLINE
        else:
            note = wording.refused(error.words, error.code)
        refused = Refusal(reason=error.words, note=note)

        def save(tx: Transaction) -> None:
            learn_from(tx, carrier, case.message, error.code)
            self._refuse(tx, case, part, refused, error.code)

        if carrier.errors.is_opted_out(error.code) or carrier.errors.is_landline(error.code):
            return Done(words=error.words, **case.counting.ends(save))
        return GaveUp(words=error.words, **case.counting.ends(save))

    def _refuse(
        self, tx: Transaction, case: _Case, part: Part, refused: Refusal, code: str | None
    ) -> None:
        for other in parts.of_message(tx, case.message.id):
            if other.carrier_id is None and other.position >= part.position:
                parts.set_outcome(tx, other.id, "refused", error=code, reason=refused.reason)
        sum_up(tx, case.message)
        tell_agent(tx, case.message, refused.note, self.directory(tx))

    def _leave_uncertain(self, tx: Transaction, case: _Case, part: Part) -> None:
        if _fresh(part)(tx).carrier_id is not None:
            return  # its delivery report came at the last moment
        parts.set_outcome(tx, part.id, "uncertain", reason="the answer of the carrier was lost")
        sum_up(tx, case.message)
        tell_agent(tx, case.message, wording.uncertain(), self.directory(tx))

    def _conclude(self, tx: Transaction, case: _Case, item: Item) -> None:
        """Tell the agent what they could not know: many texts, or sent after all."""
        tell_what_went(tx, case.message)
        restored.flag_notes(tx, item)


def _asked_at(tx: Transaction, message: Message, since_ms: int) -> int:
    """When this text can have left at the earliest, as far as the restored database knows."""
    written_ms = 0 if message.comment_id is None else comments.written_at(tx, message.comment_id)
    return max(since_ms, written_ms)


def _lost(message: Message, there: Sequence[File]) -> tuple[str, ...]:
    """The names of the files that were fetched to go along, and are gone."""
    places = {file.position for file in there}
    return tuple(
        str(each["name"])
        for at, each in enumerate(message.media)
        if each["sent_as"] == "mms" and at not in places
    )


def _fresh(part: Part) -> Callable[[Transaction], Part]:
    return lambda tx: parts.get(tx, part.id) or part


def _repeats_safely(carrier: Carrier, age_ms: int) -> bool:
    """Whether the carrier knows a text of this age by its key, and sends it once."""
    return carrier.capabilities.idempotency_key and age_ms < KEY_HOLDS_MS


def _count_look(tx: Transaction, part: Part) -> int:
    parts.count_look(tx, part.id)
    return tx.now_ms()


def _wait_for_sign(job: Job, part: Part, words: str, wait_s: float) -> Later:
    """Look later, or at once where the delivery report came while we held the lane."""

    def save(tx: Transaction) -> None:
        if _fresh(part)(tx).carrier_id is not None:
            work.hurry(tx, job.item.lane)

    return Later(words=words, pause_s=wait_s, unknown=True, save=save)
