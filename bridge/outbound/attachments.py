"""Brings what an agent attached, before its text leaves: along with it, or as links in it.

A file is fetched from the desk, kept for as long as the carrier may want it, and served under a
signed address (bridge/web/media.py). Nothing is decided any more once a send may have left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from bridge.desks.contract import Desk, FileSource, TicketId
from bridge.domain import mms, segments
from bridge.domain.directory import Directory, Sender
from bridge.domain.filetypes import type_of
from bridge.domain.mms import MmsLimits
from bridge.domain.signed_addresses import plain_name
from bridge.domain.typography import to_gsm
from bridge.errors import OutcomeUnknown, Refused, TryLater
from bridge.fetching import FetchFailed
from bridge.ids import new_id
from bridge.outbound.compose import FILES
from bridge.outbound.enclosures import Media, link_to, tell_of_malware
from bridge.store import comments, files, messages, parts
from bridge.store.database import Transaction
from bridge.store.files import File
from bridge.store.messages import Message
from bridge.store.parts import Part
from bridge.store.work import Item
from bridge.work.outcomes import Done, Job, Later, Outcome

LIFE_MS: Final = 4 * 3600 * 1000  # carriers fetch at once, or when their own queue comes to it
RENEW_MS: Final = 3600 * 1000  # an address that ends sooner is made anew before a send
PATIENCE_MS: Final = 120_000  # how long a text waits for its files; then they go as links
MALWARE: Final = "Zendesk found malware in it"
NOTHING: Final = MmsLimits(most_files=0, most_bytes=0)
UNSCANNED: Final = "Zendesk has not looked through it for malware"


class Fetch(Protocol):
    """Fetches a file."""

    async def __call__(self, source: FileSource, url: str) -> bytes:
        """Its bytes. Raises FetchFailed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    name: str
    content_type: str
    content: bytes


@dataclass(slots=True, kw_only=True)
class _Case:
    """A text whose files are not all there; `wanted` are their places in its media.

    `found` holds for each the file, or why it goes as a link or not at all.
    """

    message: Message
    last: Part
    sender: Sender | None
    limits: MmsLimits
    may_wait: bool
    wanted: tuple[int, ...]
    sizes: list[int] = field(default_factory=list)
    found: dict[int, _Fetched | str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of number that it leaves from."""
        return "long_code" if self.sender is None else self.sender.kind

    @property
    def says_something(self) -> bool:
        """Whether anything is left to send."""
        gone = [at for at, found in self.found.items() if found == MALWARE]
        return bool(self.message.body) or len(gone) < len(self.message.media)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentSender:
    """Brings a text's files, and then has it sent."""

    desk: Desk
    directory: Callable[[Transaction], Directory]
    limits: Callable[[str], MmsLimits | None]
    longest: Callable[[str], int]
    fetch: Fetch
    send_text: Callable[[Job], Awaitable[Outcome]]

    async def send(self, job: Job) -> Outcome:
        """Send what is left of one message, with its files."""
        if FILES in job.item.payload:
            outcome = await self._bring(job)
            if outcome is not None:
                return outcome
        return await self.send_text(job)

    async def _bring(self, job: Job) -> Outcome | None:
        """Have every file here, or as a link in the text. None: now it may be sent."""
        case = await job.keep(lambda tx: self._load(tx, job.item))
        if case is None:
            return None
        waits = await self._look_through(job, case) or await self._fetch_all(case)
        if waits is not None and case.may_wait:
            return Later(words=f"a file can't be fetched yet: {waits}")
        if not case.says_something:
            return Done(words=MALWARE, save=lambda tx: self._send_nothing(tx, case))
        await job.keep_much(lambda tx: self._save(tx, case))
        return None

    def _load(self, tx: Transaction, item: Item) -> _Case | None:
        """What is still wanted. None where nothing is, or it is too late to change anything."""
        message = messages.get(tx, str(item.message_id))
        assert message is not None, "never deleted"  # noqa: S101
        sender = self.directory(tx).senders.get(message.sender)
        limits = self.limits(message.carrier)
        last = parts.of_message(tx, message.id)[-1]
        if last.carrier_id is not None:
            return None
        there = files.of_message(tx, message.id)
        now_ms = tx.now_ms()
        if any(file.ends_at - now_ms < RENEW_MS for file in there):
            files.prolong(tx, message.id, now_ms + LIFE_MS)
        if last.begun_at is not None:
            return None
        known = {file.position for file in there}
        wanted = tuple(
            at
            for at, media in enumerate(message.media)
            if at not in known and media["sent_as"] in {"waiting", "mms"}
        )
        if not wanted:
            return None
        never = sender is None or limits is None  # the settings have changed since
        return _Case(
            message=message,
            last=last,
            sender=sender,
            limits=limits or NOTHING,
            may_wait=now_ms - item.created_at < PATIENCE_MS,
            wanted=wanted,
            found=dict.fromkeys(wanted, mms.NO_MMS) if never else {},
        )

    async def _look_through(self, job: Job, case: _Case) -> str | None:
        """Ask again about files that had not been scanned. Returns why that must wait."""
        message = case.message
        doubtful = [
            at for at in case.wanted if at not in case.found and not message.media[at]["scanned"]
        ]
        if not doubtful:
            return None
        since = await job.read(lambda tx: comments.written_at(tx, int(message.comment_id or 0)))
        try:
            read = await self.desk.comments_since(TicketId(int(message.ticket_id or 0)), since)
        except (TryLater, Refused, OutcomeUnknown):
            read = ()
        now = {
            item.url: item
            for comment in read
            if comment.id == message.comment_id
            for item in comment.attachments
        }
        for at in doubtful:
            item = now.get(message.media[at]["url"])
            if item is not None and item.malware:
                case.found[at] = MALWARE
            elif item is None or not item.scanned:
                case.found[at] = UNSCANNED
        return UNSCANNED if UNSCANNED in case.found.values() else None

    async def _fetch_all(self, case: _Case) -> str | None:
        """Fetch what is wanted, in order. Returns why that must wait, where it must."""
        waits: str | None = None
        for at in case.wanted:
            if at in case.found:
                continue
            try:
                case.found[at] = await self._fetch_one(case, case.message.media[at])
            except FetchFailed as failed:
                case.found[at] = failed.words
                waits = failed.words if failed.again else waits
            except (TryLater, Refused) as error:  # of the credentials that it takes
                case.found[at] = waits = error.words
        return waits

    async def _fetch_one(self, case: _Case, media: Media) -> _Fetched:
        if len(case.sizes) >= case.limits.most_files:
            raise FetchFailed(mms.TOO_MANY)
        content = await self.fetch(await self.desk.file_source(), str(media["url"]))
        kind = type_of(content)
        if kind is None:
            raise FetchFailed(mms.WRONG_KIND)
        why = case.limits.why_not(
            kind.content_type, len(content), kind=case.kind, beside=case.sizes
        )
        if why is not None:
            raise FetchFailed(why)
        case.sizes.append(len(content))
        return _Fetched(
            name=plain_name(str(media["name"]), kind.ending),
            content_type=kind.content_type,
            content=content,
        )

    def _save(self, tx: Transaction, case: _Case) -> None:
        """Keep the files that go along, and put the links of the others into the words."""
        message, media = case.message, [dict(each) for each in case.message.media]
        added = []
        for at, found in sorted(case.found.items()):
            if isinstance(found, _Fetched):
                _keep(tx, message, at, found)
                media[at] |= {"sent_as": "mms", "why": None, "content_type": found.content_type}
            else:
                media[at] |= {"sent_as": "nothing" if found == MALWARE else "link", "why": found}
                added += [] if found == MALWARE else [link_to(media[at])]
        _tell(tx, message, media)
        links = "\n".join(added)
        if case.sender is not None and case.sender.plain_characters:
            links = to_gsm(links)
        if links:
            self._add_words(tx, case, links)
        messages.set_content(
            tx,
            message.id,
            body="\n".join(words for words in (message.body, links) if words),
            segments=sum(part.segments for part in parts.of_message(tx, message.id)),
            media=media,
        )

    def _add_words(self, tx: Transaction, case: _Case, words: str) -> None:
        """Put words behind the last part, which may become several by that."""
        last = case.last
        whole = f"{last.body}\n{words}" if last.body else words
        first, *more = segments.split(whole, self.longest(case.message.carrier))
        parts.set_body(tx, last.id, first, segments.measure(first).segments)
        for position, piece in enumerate(more, start=last.position + 1):
            parts.add(
                tx,
                part_id=new_id(),
                message_id=case.message.id,
                position=position,
                body=piece,
                segments=segments.measure(piece).segments,
                carrier=case.message.carrier,
            )

    def _send_nothing(self, tx: Transaction, case: _Case) -> None:
        """Note that there was nothing but malware."""
        message = case.message
        media = [{**each, "sent_as": "nothing", "why": MALWARE} for each in message.media]
        messages.set_content(tx, message.id, body="", segments=0, media=media)
        for part in parts.of_message(tx, message.id):
            parts.set_outcome(tx, part.id, "refused", reason=MALWARE)
        messages.set_state(tx, message.id, "refused", reason=MALWARE)
        _tell(tx, message, media)


def _keep(tx: Transaction, message: Message, at: int, found: _Fetched) -> None:
    file = File(
        id=new_id(),
        message_id=message.id,
        position=at,
        name=found.name,
        content_type=found.content_type,
        ends_at=tx.now_ms() + LIFE_MS,
    )
    files.keep(tx, file, found.content)


def _tell(tx: Transaction, message: Message, media: Sequence[Media]) -> None:
    names = [str(each["name"]) for each in media if each["why"] == MALWARE]
    if message.conversation_id is not None:
        tell_of_malware(tx, message.conversation_id, message.ticket_id, names)
