"""Conversations: the list and its search, one as a thread, and why a text went as it did."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from bridge.domain.directory import Directory
from bridge.domain.templates import Filled, fill, values_of
from bridge.errors import BadRequest
from bridge.ids import new_id
from bridge.store import contacts, inbox, listing, settings
from bridge.store.database import Transaction
from bridge.store.inbox import Found, Line
from bridge.store.listing import Message
from bridge.web.admin.pages import show
from bridge.web.admin.paging import ASK_FOR, LARGEST, ROWS, link_to, number_mark, page_of
from bridge.web.admin.routes import get
from bridge.web.admin.searching import addresses_meant
from bridge.web.admin.wording import STATES, VERDICTS
from bridge.web.parts import PARTS

LIST: Final = "/admin/conversations"
LONGEST_SEARCH: Final = 200
_TICKET: Final = re.compile(r"#?(\d{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """What stands around the reply box: templates by their names, filled in for this customer;
    whether the sender makes characters plain; a text that may be a wish to stop."""

    templates: Sequence[tuple[str, Filled]] = ()
    plain: bool = False
    wish: Message | None = None


EMPTY_BOX: Final = Box()


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What somebody looks for. `words` is anything they typed; the rest are choices."""

    words: str
    sender: str
    state: str
    verdict: str

    @property
    def of_texts(self) -> bool:
        """Whether single texts are meant, and not conversations."""
        return bool(self.state or self.verdict)


async def list_conversations(request: web.Request) -> web.Response:
    """Conversations by their last word; or what a search finds."""
    search = _read_search(request)
    before = _read_mark(request)
    older = number_mark(request, "older")

    def find(tx: Transaction) -> tuple[Directory, list[Line], Found | None]:
        directory = settings.load_directory(tx)
        if not (search.words or search.of_texts):
            found = inbox.recent(tx, sender=search.sender or None, before=before, limit=ASK_FOR)
            return directory, found, None
        lines: list[Line] = []
        if search.words and not search.of_texts and older is None:
            lines = _by_words(tx, search.words, directory, search.sender)
        return directory, lines, _find_texts(tx, search, older)

    directory, lines, found = await request.app[PARTS].database.read(find)
    page = page_of(lines)
    return show(
        request,
        "conversations.html",
        search=search,
        senders=directory.senders.values(),
        lines=page.rows,
        found=found,
        next=_next(search, page.rows, found, more=page.more),
        states=STATES,
        verdicts=VERDICTS,
    )


async def show_conversation(request: web.Request) -> web.Response:
    """One conversation as a thread."""
    return await _show_thread(request, "conversation.html")


async def refresh_thread(request: web.Request) -> web.Response:
    """The thread alone, where it is not as the browser has it; 204 where it is."""
    return await _show_thread(request, "thread.html", has=request.query.get("v"))


async def show_message(request: web.Request) -> web.Response:
    """One text with all that happened to it: the answer to "why?"."""
    message_id = request.match_info["id"]

    def find(tx: Transaction) -> tuple[listing.Trace, str | None, Message | None] | None:
        trace = listing.trace(tx, message_id)
        if trace is None:
            return None
        cause = trace.message.cause_id
        caused_by = None if cause is None else listing.message_by_id(tx, cause)
        return trace, inbox.conversation_of(tx, message_id), caused_by

    found = await request.app[PARTS].database.read(find)
    if found is None:
        raise web.HTTPNotFound
    trace, conversation_id, cause = found
    return show(request, "message.html", trace=trace, conversation_id=conversation_id, cause=cause)


async def _show_thread(
    request: web.Request, template: str, *, has: str | None = None
) -> web.Response:
    conversation_id = request.match_info["id"]
    before = number_mark(request, "before")

    def find(tx: Transaction) -> tuple[Line, list[Message], list[str], str | None, Box] | None:
        line = inbox.line_of(tx, conversation_id)
        if line is None:
            return None
        box = EMPTY_BOX if has is not None else _box(tx, line)
        texts = inbox.thread(tx, conversation_id, before=before, limit=ASK_FOR)
        replies = inbox.replies_under_way(tx, conversation_id)
        return line, texts, replies, settings.load_desk(tx).url, box

    found = await request.app[PARTS].database.read(find)
    if found is None:
        raise web.HTTPNotFound
    line, texts, replies, desk_url, box = found
    page = page_of(texts)
    earlier = link_to(f"{LIST}/{line.id}", before=page.rows[-1].seq) if page.more else None
    texts_in_order = list(reversed(page.rows))
    version = _version_of(texts_in_order, replies)
    if has == version:
        return web.Response(status=204)
    return show(
        request,
        template,
        line=line,
        texts=texts_in_order,
        earlier=earlier,
        is_latest=before is None,
        desk_url=desk_url,
        replies=replies,
        box=box,
        once=new_id(),
        version=version,
    )


def _box(tx: Transaction, line: Line) -> Box:
    documents = settings.load_documents(tx)
    contact = contacts.get(tx, line.customer)
    sender = next((one for one in documents.senders if one.address == line.sender), None)
    values = values_of(
        name=line.name,
        customer=line.customer,
        fields={} if contact is None else contact.fields,
        ticket_id=line.ticket_id,
        sender_name=None if sender is None else sender.name,
        sender=line.sender,
    )
    wish = None if contact is None else contact.stop_wish
    return Box(
        templates=[(one.name, fill(one.text, values)) for one in documents.templates],
        plain=sender is not None and sender.plain_characters,
        wish=None if wish is None else listing.message_by_id(tx, wish),
    )


def _version_of(texts: Sequence[Message], replies: Sequence[str]) -> str:
    """Something that changes with what a thread shows."""
    shown = [(one.id, one.state, one.updated_at_ms, one.ticket_id) for one in texts]
    return hashlib.sha256(repr((shown, replies)).encode()).hexdigest()[:16]


def _by_words(tx: Transaction, words: str, directory: Directory, sender: str) -> list[Line]:
    """Conversations that a number, a ticket or a name leads to."""
    found: dict[str, Line] = {}
    for beginning in addresses_meant(words, directory):
        found |= {line.id: line for line in inbox.by_customer(tx, beginning)}
    if ticket := _TICKET.fullmatch(words):
        ticket_id = min(int(ticket[1]), LARGEST)
        found |= {line.id: line for line in inbox.by_ticket(tx, ticket_id)}
    if not found:
        found |= {line.id: line for line in inbox.by_name(tx, words)}
    return [line for line in found.values() if sender in {"", line.sender}][:ROWS]


def _find_texts(tx: Transaction, search: Search, older: int | None) -> Found:
    return inbox.find_texts(
        tx,
        words=search.words or None,
        sender=search.sender or None,
        state=search.state or None,
        verdict=search.verdict or None,
        before=older,
        limit=ASK_FOR,
    )


def _next(search: Search, lines: Sequence[Line], found: Found | None, *, more: bool) -> str | None:
    chosen = {
        "q": search.words,
        "sender": search.sender,
        "state": search.state,
        "verdict": search.verdict,
    }
    if found is not None:
        return link_to(LIST, **chosen, older=found.before) if found.before is not None else None
    if not more:
        return None
    return link_to(LIST, **chosen, before=f"{lines[-1].last_at_ms}-{lines[-1].id}")


def _read_search(request: web.Request) -> Search:
    words = request.query.get("q", "").strip()
    if len(words) > LONGEST_SEARCH:
        raise BadRequest("q", f"at most {LONGEST_SEARCH} characters")
    state, verdict = request.query.get("state", ""), request.query.get("verdict", "")
    if state and state not in STATES:
        raise BadRequest("state", f"one of {', '.join(STATES)}")
    if verdict and verdict not in VERDICTS:
        raise BadRequest("verdict", f"one of {', '.join(VERDICTS)}")
    return Search(words=words, sender=request.query.get("sender", ""), state=state, verdict=verdict)


def _read_mark(request: web.Request) -> tuple[int, str] | None:
    given = request.query.get("before", "")
    at, _, key = given.partition("-")
    if not given:
        return None
    if not (at.isascii() and at.isdigit() and len(at) < 19 and re.fullmatch(r"\w{1,64}", key)):
        raise BadRequest("before", "the end of a page of this same list")
    return int(at), key


ROUTES = (
    get("conversations", list_conversations, needs="viewer"),
    get("conversations/{id}", show_conversation, needs="viewer"),
    get("conversations/{id}/thread", refresh_thread, needs="viewer", quiet=True),
    get("messages/{id}", show_message, needs="viewer"),
)
