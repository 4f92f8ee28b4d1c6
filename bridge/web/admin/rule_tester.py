"""Trying a rule before it is saved: on one text, and on all that came in the last days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast, get_args
from zoneinfo import ZoneInfo

from aiohttp import web

from bridge.domain import verdicts
from bridge.domain.hours import read_zone
from bridge.domain.rehearsal import Stage, Who, set_stage
from bridge.domain.settings_changes import Documents
from bridge.domain.verdicts import Decision
from bridge.errors import BadRequest
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.store.replay import AT_ONCE, OldText, texts_since
from bridge.web.admin.console import FORM
from bridge.web.admin.entries import documents_of
from bridge.web.admin.pages import show
from bridge.web.admin.paging import LARGEST
from bridge.web.admin.routes import post
from bridge.web.admin.rule_form import CARRIERS, clashes, documents_with, read_rule
from bridge.web.parts import PARTS

DAY_MS: Final = 24 * 3600 * 1000
DAYS: Final = (1, 7, 30, 90)
LONGEST_TRIED: Final = 1600
SPOKEN: Final = (verdicts.Answer, verdicts.AutoAnswer)
MOST_SHOWN: Final = 200  # differences, of all that are counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A text that would go another way than with the rules in force."""

    text: OldText
    before: Decision
    after: Decision


async def try_text(request: web.Request) -> web.Response:
    """What would follow if this text came in now, with the rule as the form has it."""
    form = request[FORM]
    text = form.get("tried", "")[:LONGEST_TRIED]
    who = cast("Who", form.get("who")) if form.get("who") in get_args(Who) else "anybody"
    stored = await documents_of(request)
    rule = read_rule(form)
    wanted, faults = documents_with(stored, rule, form.get("key") or None)
    address = form.get("tried_on", "")
    if address not in {sender.address for sender in wanted.senders} and wanted.senders:
        address = wanted.senders[0].address
    stage = _stage(request, wanted)
    zone = _zone(wanted, rule.hours, address)
    at_ms = _moment(form.get("tried_at", ""), zone) or request.app[PARTS].clock.now_ms()
    decision = None
    if text.strip():
        decision = stage.judge(text, address, at_ms=at_ms, who=who, with_auto_replies=True)
    sender = stage.directory.senders.get(address)
    new = {entry.key for entry in wanted.keywords} - {entry.key for entry in stored.keywords}
    mine = next(iter(new), form.get("key", ""))
    return show(
        request,
        "rule_tried.html",
        text=text,
        decision=decision,
        replies=_replies(decision),
        effects=_effects(decision),
        faults=faults if rule.words else {},
        reply=rule.reply,
        plain=sender is not None and sender.plain_characters,
        at=datetime.fromtimestamp(at_ms / 1000, zone),
        zone=zone.key,
        hours={one.name: one.name in stage.open_at(at_ms) for one in wanted.hours},
        has_senders=bool(wanted.senders),
        clashes=clashes(wanted).get(mine, []),
    )


async def replay(request: web.Request) -> web.Response:
    """Judge texts of the last days with the rule as the form has it, a thousand at a time.

    Each answer brings what it found and, where there are more texts, asks for the next by itself.
    """
    form = request[FORM]
    days = _number(form.get("days", "7"), "days")
    if days not in DAYS:
        raise BadRequest("days", f"one of {', '.join(map(str, DAYS))}")
    since_ms = request.app[PARTS].clock.now_ms() - days * DAY_MS
    before = _mark(form.get("replay_before", ""))
    done = _number(form.get("replay_done", "0"), "replay_done")
    differing = _number(form.get("replay_found", "0"), "replay_found")

    def find(tx: Transaction) -> tuple[Documents, Sequence[OldText]]:
        return settings.load_documents(tx), texts_since(tx, since_ms, before=before)

    stored, texts = await request.app[PARTS].database.read(find)
    wanted, faults = documents_with(stored, read_rule(form), form.get("key") or None)
    found: list[Difference] = []
    if not faults:
        now, then = _stage(request, stored), _stage(request, wanted)
        found = await asyncio.to_thread(_differences, texts, now, then)
    room = max(0, MOST_SHOWN - differing)
    last = texts[-1] if len(texts) == AT_ONCE and not faults else None
    return show(
        request,
        "rule_replayed.html",
        faults=faults,
        days=days,
        done=done + len(texts),
        differing=differing + len(found),
        shown=found[:room],
        most=MOST_SHOWN,
        goes_on=None
        if last is None
        else {
            "replay_before": f"{last.created_at_ms}-{last.seq}",
            "replay_done": done + len(texts),
            "replay_found": differing + len(found),
        },
        back_to_ms=texts[-1].created_at_ms if texts else None,
    )


def _zone(documents: Documents, named: str, address: str) -> ZoneInfo:
    """The zone that a time is meant in: of the rule's hours, else of the number's, else of any."""
    zones = {one.name: one.zone for one in documents.hours}
    sender = next((one for one in documents.senders if one.address == address), None)
    of_sender = sender.hours if sender is not None else None
    known = zones.get(named) or zones.get(of_sender or "") or next(iter(zones.values()), "UTC")
    return read_zone(known)


def _moment(given: str, zone: ZoneInfo) -> int | None:
    """A time as a browser's field has it, on the clock over there; UTC ms."""
    if not given:
        return None
    try:
        moment = datetime.strptime(given[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=zone)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise BadRequest("tried_at", "a time such as 2026-03-02T09:00") from error


def _stage(request: web.Request, documents: Documents) -> Stage:
    return set_stage(documents, request.app[PARTS].tickets_from, CARRIERS)


def _differences(texts: Sequence[OldText], now: Stage, then: Stage) -> list[Difference]:
    found = []
    for text in texts:
        handled = cast("verdicts.WordClass | None", text.handled)
        at_ms = text.created_at_ms
        before = now.judge(text.body, text.sender, at_ms=at_ms, handled=handled)
        after = then.judge(text.body, text.sender, at_ms=at_ms, handled=handled)
        if before is not None and after is not None and _told(before) != _told(after):
            found.append(Difference(text=text, before=before, after=after))
    return found


def _told(decision: Decision) -> tuple[object, ...]:
    """What makes a difference to anybody: not the name of the rule."""
    return decision.verdict, decision.actions


def _replies(decision: Decision | None) -> list[str]:
    actions = decision.actions if decision is not None else ()
    return [action.text for action in actions if isinstance(action, SPOKEN)]


def _effects(decision: Decision | None) -> list[str]:
    """What follows beside a reply, in words."""
    actions = decision.actions if decision is not None else ()
    return [_TELL[type(action)](action) for action in actions if type(action) in _TELL]


_TELL: Final[Mapping[type, Callable[..., str]]] = {
    verdicts.OptOut: lambda _: "opts out of all texts",
    verdicts.OptIn: lambda _: "may be texted again",
    verdicts.Subscribe: lambda action: f"subscribes to {', '.join(action.lists)}",
    verdicts.Unsubscribe: lambda action: f"leaves {', '.join(action.lists)}",
    verdicts.AskToConfirm: lambda action: f"is on {', '.join(action.lists)} only after a YES",
    verdicts.SetTags: lambda action: f"gets the tag {', '.join(action.tags)}",
    verdicts.SetFields: lambda action: "; ".join(
        f"gets {name} = {value}" for name, value in action.fields.items()
    ),
    verdicts.AskAPerson: lambda _: "may be texted until a person decides",
    verdicts.MakeTicket: lambda _: "makes a ticket, or a comment on the open one",
    verdicts.TellAgent: lambda _: "leaves a private note on the open ticket",
}


def _number(given: str, field: str) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 12):
        raise BadRequest(field, "a whole number")
    return int(given)


def _mark(given: str) -> tuple[int, int] | None:
    if not given:
        return None
    at, _, seq = given.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) < 20 for part in (at, seq)):
        raise BadRequest("replay_before", "where the last page ended")
    return min(int(at), LARGEST), min(int(seq), LARGEST)


ROUTES = (
    post("rules/try", try_text, needs="viewer"),
    post("rules/replay", replay, needs="viewer"),
)
