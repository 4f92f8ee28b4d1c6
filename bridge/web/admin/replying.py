"""The reply box: what is written in it goes onto the ticket, and from there to the phone."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web

from bridge.domain.directory import LONGEST_TEXT
from bridge.errors import BadRequest, UserMistake
from bridge.store import changes, inbox
from bridge.store.database import Transaction
from bridge.ticketing.notes import put_reply
from bridge.web.admin.console import FORM, VISIT
from bridge.web.admin.fields import text_in
from bridge.web.admin.pages import go, show
from bridge.web.admin.routes import post
from bridge.web.parts import PARTS

LIST: Final = "/admin/conversations"
SUBJECT: Final = "reply"
LOOKED_BACK: Final = 100  # replies among which a form that was sent twice is sought
_ID: Final = re.compile(r"[0-9a-f]{32}")


async def reply(request: web.Request) -> web.Response:
    """Have a reply written on the ticket. A form that is sent twice is one reply."""
    conversation_id, by = request.match_info["id"], request[VISIT].author
    text = text_in(request[FORM], "reply")
    once = request[FORM].get("once", "")
    if not text or len(text) > LONGEST_TEXT:
        raise BadRequest("reply", f"some words, at most {LONGEST_TEXT} characters")
    if not _ID.fullmatch(once):
        raise BadRequest("once", "what the page's own form holds")

    def put(tx: Transaction) -> None:
        line = inbox.line_of(tx, conversation_id)
        if line is None:
            raise web.HTTPNotFound
        if line.opted_out:
            raise UserMistake("the customer has opted out: nothing can be texted to them")
        if line.ticket_id is None:
            raise UserMistake("there is no ticket in this conversation to write the reply on")
        before = changes.list_changes(tx, subject=SUBJECT, limit=LOOKED_BACK)
        if any((one.after or {}).get("form") == once for one in before):
            return
        put_reply(tx, conversation_id=conversation_id, text=text, once=once)
        after = {"ticket": line.ticket_id, "form": once}
        changes.note(tx, by, subject=SUBJECT, name=line.customer, what="written", after=after)

    await request.app[PARTS].database.write(put)
    request.app[PARTS].wake()
    return go(f"{LIST}/{conversation_id}", said="sent")


async def measure_text(request: web.Request) -> web.Response:
    """What a text costs, while it is written: the field that `measured` names."""
    form = request[FORM]
    field = form.get("measured", "reply")[:40]
    text = form.get(field, "").replace("\r\n", "\n")[: 2 * LONGEST_TEXT]
    plain = bool(form.get("measured_plain"))
    return show(request, "size.html", text=text, field=field, plain=plain)


ROUTES = (
    post("conversations/{id}/reply", reply, needs="manager"),
    post("measure", measure_text, needs="viewer"),
)
