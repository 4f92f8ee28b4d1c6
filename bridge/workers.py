"""Builds the workers: who does which kind of work, at what pace and within which limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from bridge.carriers.contract import Carrier
from bridge.carriers.registry import CAPABILITIES
from bridge.clock import Clock
from bridge.desks.contract import Desk
from bridge.domain.directory import Directory
from bridge.domain.limits import Limits
from bridge.domain.signed_addresses import sign
from bridge.fetching import Fetcher
from bridge.inbound import ticket as inbound_ticket
from bridge.inbound.files import FileBringer
from bridge.inbound.judge import Rules
from bridge.inbound.requester import Requesters
from bridge.inbound.ticket import TicketWriter
from bridge.metrics import Metrics
from bridge.outbound.attachments import AttachmentSender
from bridge.outbound.collect import ReplyCollector
from bridge.outbound.giving_up import note_set_aside
from bridge.outbound.send import TextSender
from bridge.secrets import derive_key
from bridge.settings import Settings
from bridge.store import looks, updates
from bridge.store.database import Database, Transaction
from bridge.store.files import File
from bridge.store.work import Item
from bridge.sweeps.handlers import Sweeps, build_sweeps
from bridge.ticketing.notes import NoteWriter
from bridge.ticketing.writes import STAMPS_APART_S, DeskWriter
from bridge.work.pace import Pace
from bridge.work.worker import Worker

# More lanes than Zendesk is given calls at once (bridge/http.py), so that it has calls while other
# lanes wait for their commits: with as many it was idle for a third of the time, with twice as many
# it got no more. What it was asked can always be found out afterwards, unlike with every carrier.
LANES_AT_DESK = 96
LONGEST_FETCH_S = 30.0
LARGEST_FILE = 20_000_000  # bytes; Zendesk takes 50 MB, carriers pass on a tenth of that
LARGEST_SENT = 5_000_000  # bytes; no carrier takes more along with a text


def build_workers(
    settings: Settings,
    *,
    database: Database,
    clock: Clock,
    desk: Desk,
    carriers: Mapping[str, Carrier],
    directory: Callable[[Transaction], Directory],
    rules: Rules,
    metrics: Metrics,
) -> list[Worker]:
    """One worker for the desk, and one for each carrier that there is."""
    per_minute = settings.zendesk_updates_per_minute
    limits = Limits(per_minute=per_minute, per_ticket=settings.zendesk_updates_per_ticket)
    swept = build_sweeps(
        database=database,
        desk=desk,
        carriers=carriers,
        directory=directory,
        rules=rules,
        counters=metrics,
        interval_s=settings.sweep_interval,
    )
    sender = _sender(settings, desk, carriers, directory, metrics)
    at_desk: Mapping[str, Any] = {
        **_for_tickets(
            database,
            DeskWriter(desk=desk, clock=clock, limits=limits, apart_s=_apart_s(settings)),
            directory,
            carriers,
        ),
        "look": ReplyCollector(
            database=database,
            desk=desk,
            directory=directory,
            longest=rules.longest,
            limits=rules.mms,
            counters=metrics,
            max_age_ms=rules.answer_within_ms,
        ).look,
        "sweep": swept.desk,
    }
    worker = partial(
        Worker,
        database=database,
        clock=clock,
        pace=pace_of(settings),
        counters=metrics,
        on_begun={"text": inbound_ticket.note_begun, "look": looks.join},
        on_set_aside=_on_set_aside(swept, directory, metrics),
    )
    room = partial(updates.room, limits=limits)
    wide, spare_in_s = replace(pace_of(settings), at_once=LANES_AT_DESK), desk.spare_in_s
    with_files = _with_files(sender, directory, rules)
    at_carrier: Mapping[str, Any] = {"send": with_files.send, "sweep": swept.carriers}
    return [
        worker(account=desk.name, handlers=at_desk, pace=wide, room=room, spare_in_s=spare_in_s),
        *(worker(account=name, handlers=at_carrier) for name in CAPABILITIES),
    ]


def _apart_s(settings: Settings) -> float:
    # Whoever waits less than half a second for the fate of a call (as tests do) waits less here.
    return min(STAMPS_APART_S, 3 * settings.settle_wait)


def _on_set_aside(
    swept: Sweeps, directory: Callable[[Transaction], Directory], metrics: Metrics
) -> Mapping[str, Callable[[Transaction, Item, str], None]]:
    return {
        "text": inbound_ticket.note_set_aside,
        "send": partial(note_set_aside, directory=directory, counters=metrics),
        "sweep": swept.note_set_aside,
    }


def _sender(
    settings: Settings,
    desk: Desk,
    carriers: Mapping[str, Carrier],
    directory: Callable[[Transaction], Directory],
    metrics: Metrics,
) -> TextSender:
    return TextSender(
        desk=desk,
        carriers=carriers,
        directory=directory,
        public_url=settings.public_url,
        settle_wait_s=settings.settle_wait,
        counters=metrics,
        address_of=partial(address_of, settings),
    )


def _with_files(
    sender: TextSender, directory: Callable[[Transaction], Directory], rules: Rules
) -> AttachmentSender:
    return AttachmentSender(
        desk=sender.desk,
        directory=directory,
        limits=rules.mms,
        longest=rules.longest,
        fetch=Fetcher(timeout_s=LONGEST_FETCH_S, most_bytes=LARGEST_SENT, owner="Zendesk").fetch,
        send_text=sender.send,
    )


def media_key(settings: Settings) -> bytes:
    """What addresses of files are signed with."""
    key = settings.secret_key
    return b"" if key is None else derive_key(key.get_secret_value(), "addresses of files")


def address_of(settings: Settings, file: File) -> str:
    """Where a carrier can fetch a file while it is kept."""
    signed = sign(media_key(settings), file_id=file.id, ends_at_ms=file.ends_at, name=file.name)
    return f"{settings.public_url}{signed.path}"


def _for_tickets(
    database: Database,
    writer: DeskWriter,
    directory: Callable[[Transaction], Directory],
    carriers: Mapping[str, Carrier],
) -> Mapping[str, Any]:
    files = FileBringer(
        desk=writer.desk,
        carriers=carriers,
        fetch=Fetcher(timeout_s=LONGEST_FETCH_S, most_bytes=LARGEST_FILE).fetch,
        clock=writer.clock,
    )
    texts = TicketWriter(
        database=database,
        writer=writer,
        requesters=Requesters(database=database, desk=writer.desk),
        directory=directory,
        files=files,
    )
    notes = NoteWriter(database=database, writer=writer, bring_files=files.bring_later)
    return {"text": texts.write_text, "note": notes.write_note}


def pace_of(settings: Settings) -> Pace:
    """How long to wait between tries, as the operator has it."""
    return Pace(
        retry_base_s=min(settings.retry_base, settings.retry_max),
        retry_max_s=settings.retry_max,
        settle_wait_s=settings.settle_wait,
    )
