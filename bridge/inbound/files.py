"""Pictures and files of texts: fetched from the carrier, checked, and handed to the desk.

They come with the text's own comment where that takes a moment only, else in a note after it. The
text waits for none of them. What can't be had is named there, with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.carriers.contract import Carrier
from bridge.clock import Clock
from bridge.desks.contract import Desk, Written
from bridge.domain.filetypes import type_of
from bridge.errors import CredentialsRefused, Refused
from bridge.fetching import FetchFailed, Source
from bridge.inbound.body import file_of, stems_of
from bridge.store import messages
from bridge.store.database import Transaction
from bridge.store.messages import Message
from bridge.ticketing.notes import FILES, Content, put_files
from bridge.ticketing.writes import Aside
from bridge.work.outcomes import Job, Later

MOST_FILES = 10  # of one comment; carriers send no more with a text
IN_TIME_S = 2.0
PATIENCE_MS = 3_600_000  # how long a file that may still come is asked for
LATER_HEAD = "From the customer's text:"


class Fetch(Protocol):
    """Fetches a file."""

    async def __call__(self, source: Source, url: str) -> bytes:
        """Its bytes. Raises FetchFailed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    name: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBringer:
    """Brings files from a carrier to the desk. A text waits IN_TIME_S for its own."""

    desk: Desk
    carriers: Mapping[str, Carrier]
    fetch: Fetch
    clock: Clock
    patience_ms: int = PATIENCE_MS

    async def bring_in_time(self, texts: Sequence[Message]) -> Mapping[str, str]:
        """Upload what can be had at once of the files of these texts: tokens by names, in order.

        Whatever goes wrong, the rest is for later: never raises.
        """
        wanted = [(text, at) for text in texts for at in range(len(text.media))][:MOST_FILES]
        if not wanted:
            return {}
        tasks = [asyncio.create_task(self._bring(text, at)) for text, at in wanted]
        try:
            await asyncio.wait(tasks, timeout=IN_TIME_S)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        return {end.name: end.token for end in ended if isinstance(end, _Upload)}

    async def bring_later(self, job: Job) -> Content | Later:
        """What the note on files that did not come in time holds: each, or why it can't be had."""
        text = await job.read(lambda tx: messages.get(tx, str(job.item.message_id)))
        assert text is not None, "never deleted"  # noqa: S101
        is_last = self.clock.now_ms() - job.item.created_at > self.patience_ms
        lines: list[str] = []
        tokens: list[str] = []
        for position in job.item.payload[FILES]:
            kind, url = (text.media[position][key] for key in ("content_type", "url"))
            found = await self._bring_or_say(text, position, is_full=len(tokens) == MOST_FILES)
            if isinstance(found, _Upload):
                tokens.append(found.token)
                lines.append(f"[{kind or 'file'}] {found.name}")
            elif found.again and not is_last:
                return Later(words=f"a file can't be fetched yet: {found.words}")
            else:
                lines.append(f"[{kind or 'file'}] {url}: not attached, as {found.words}.")
        return Content(body="\n".join([LATER_HEAD, *lines]), uploads=tuple(tokens))

    async def _bring_or_say(
        self, text: Message, position: int, *, is_full: bool
    ) -> _Upload | FetchFailed:
        if is_full:
            return FetchFailed("there are more files than one comment takes")
        try:
            return await self._bring(text, position)
        except FetchFailed as failed:
            return failed
        except CredentialsRefused:
            raise
        except Refused as refused:
            return FetchFailed(f"Zendesk does not take it ({refused.words.rstrip('.')})")

    async def _bring(self, text: Message, position: int) -> _Upload:
        """Fetch and upload one file. Raises FetchFailed, and what the desk raises."""
        carrier = self.carriers.get(text.carrier)
        if carrier is None or carrier.media is None:
            raise FetchFailed("the carrier's files can't be fetched")
        content = await self.fetch(carrier.media, text.media[position]["url"])
        if not content:
            raise FetchFailed("it is empty")
        kind = type_of(content)
        if kind is None:
            raise FetchFailed("it is no picture, sound, film, PDF or contact card")
        name = f"{file_of(text, position)}.{kind.ending}"
        token = await self.desk.upload(name=name, content_type=kind.content_type, content=content)
        return _Upload(name=name, token=token)


def put_missing(tx: Transaction, text: Message, written: Written, aside: Aside) -> None:
    """Have the files of a text that don't stand in its comment brought after it."""
    there = stems_of(aside.get("files", ()) if written.files is None else written.files)
    missing = [at for at in range(len(text.media)) if file_of(text, at) not in there]
    if missing:
        put_files(
            tx,
            message_id=text.id,
            conversation_id=str(text.conversation_id),
            ticket_id=written.ticket_id,
            missing=missing,
        )
