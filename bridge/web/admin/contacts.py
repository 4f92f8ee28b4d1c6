"""Contacts: who there is, what they agreed to and how that is known; and changing it."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from aiohttp import web

from bridge.clock import rfc3339
from bridge.domain.directory import Directory
from bridge.domain.numbers import display
from bridge.domain.verdicts import WISH
from bridge.errors import BadRequest, UserMistake
from bridge.store import changes, contacts, inbox, listing, people, settings
from bridge.store.contacts import Source
from bridge.store.database import Transaction
from bridge.store.inbox import Line
from bridge.store.listing import Contact, Message
from bridge.store.people import Person
from bridge.web.admin.console import FORM, VISIT
from bridge.web.admin.csv import csv_answer
from bridge.web.admin.pages import go, show
from bridge.web.admin.paging import ASK_FOR, LARGEST, link_to, page_of
from bridge.web.admin.routes import get, post
from bridge.web.admin.searching import addresses_meant
from bridge.web.admin.wording import ACTIONS
from bridge.web.parts import PARTS

LIST: Final = "/admin/contacts"
LONGEST_SEARCH: Final = 200
LONGEST_REASON: Final = 500
HEADINGS: Final = (
    *("at", "number", "action", "list", "how", "our number", "words", "rule", "message"),
)


async def list_contacts(request: web.Request) -> web.Response:
    """Contacts, the newest first; or those whose number or name begins so."""
    words = request.query.get("q", "").strip()
    if len(words) > LONGEST_SEARCH:
        raise BadRequest("q", f"at most {LONGEST_SEARCH} characters")
    before = _read_mark(request)
    undecided = "undecided" in request.query and not words

    def find(tx: Transaction) -> list[Person]:
        if undecided:
            return people.undecided(tx, limit=ASK_FOR)
        if not words:
            return people.newest(tx, before=before, limit=ASK_FOR)
        found: dict[str, Person] = {}
        for beginning in addresses_meant(words, settings.load_directory(tx)):
            matching = people.by_address(tx, beginning, limit=ASK_FOR)
            found |= {one.address: one for one in matching}
        return list(found.values()) or people.by_name(tx, words, limit=ASK_FOR)

    page = page_of(await request.app[PARTS].database.read(find))
    following = None
    if page.more and not (words or undecided):
        last = page.rows[-1]
        following = link_to(LIST, before=f"{last.created_at_ms}-{last.address}")
    return show(
        request,
        "contacts.html",
        people=page.rows,
        words=words,
        undecided=undecided,
        more=page.more,
        next=following,
    )


async def show_contact(request: web.Request) -> web.Response:
    """One contact with the consent ledger and the conversations."""
    contact, lines, directory = await _find(request)
    wish = contact.stop_wish
    said = None
    if wish is not None:
        database = request.app[PARTS].database
        said = await database.read(lambda tx: listing.message_by_id(tx, wish))
    return show(
        request,
        "contact.html",
        contact=contact,
        lines=lines,
        lists=directory.lists,
        wish=said,
        states={member.list: member.state for member in contact.memberships},
    )


async def export_ledger(request: web.Request) -> web.Response:
    """The consent ledger of one contact as CSV: evidence for whoever asks."""
    contact, _, _ = await _find(request)
    rows = [
        (
            *(rfc3339(entry.at_ms), display(contact.address), entry.action, entry.list),
            *(entry.how, display(entry.sender) if entry.sender else None, entry.words),
            *(entry.rule, entry.message_id),
        )
        for entry in reversed(contact.consent)
    ]
    return csv_answer(HEADINGS, rows, name=f"consent-{display(contact.address).lstrip('+')}")


async def change_consent(request: web.Request) -> web.Response:
    """Change what a contact agreed to, with a reason, as a new line of the ledger."""
    form, by = request[FORM], request[VISIT].author
    reason = form.get("reason", "").strip()
    if not reason or len(reason) > LONGEST_REASON:
        raise BadRequest("reason", f"why it is changed, in 1 to {LONGEST_REASON} characters")
    action, _, name = form.get("what", "").partition(" ")
    contact, _, directory = await _find(request)
    if action not in ACTIONS or (action in {"subscribe", "unsubscribe"}) != bool(name):
        raise BadRequest("what", "opt_out, opt_in, or subscribe or unsubscribe with a list")
    if name and name not in directory.lists:
        raise BadRequest("what", "a list that there is")
    source = Source(how="admin", words=f"{by.who}: {reason}")
    address = contact.address

    def change(tx: Transaction) -> None:
        match action:
            case "opt_out":
                contacts.opt_out(tx, address, source)
            case "opt_in":
                contacts.opt_in(tx, address, source)
            case "subscribe":
                contacts.subscribe(tx, address, [name], source)
            case _:
                contacts.unsubscribe(tx, address, [name], source)
        what = f"{ACTIONS[action]} {name}".strip()
        changes.note(tx, by, subject="contact", name=address, what=what, after={"reason": reason})

    await request.app[PARTS].database.write(change)
    return go(f"{LIST}/{quote(address, safe='')}", said="changed")


async def decide_wish(request: web.Request) -> web.Response:
    """Say whether a text was a wish to stop: opted out with its words, or texted as before."""
    form, by = request[FORM], request[VISIT].author
    address, decision = request.match_info["address"], form.get("decision", "")
    if decision not in {"opt_out", "keep"}:
        raise BadRequest("decision", "opt_out or keep")

    def decide(tx: Transaction) -> None:
        contact = contacts.get(tx, address)
        if contact is None:
            raise web.HTTPNotFound
        if contact.stop_wish is None:
            raise UserMistake("there is nothing to decide any more: somebody has done it")
        if contact.stop_wish != form.get("wish"):
            raise UserMistake("the customer has written again: look at that text first")
        text = listing.message_by_id(tx, contact.stop_wish)
        if decision == "keep":
            contacts.drop_wish(tx, address)
        else:
            contacts.opt_out(tx, address, _as_said(text, by.who))
        what = ACTIONS["opt_out"] if decision == "opt_out" else "had no wish to stop"
        after = {"text": contact.stop_wish}
        changes.note(tx, by, subject="contact", name=address, what=what, after=after)

    await request.app[PARTS].database.write(decide)
    return go(f"{LIST}/{quote(address, safe='')}", said="changed")


def _as_said(text: Message | None, who: str | None) -> Source:
    """Where the opt-out comes from: the customer's words, as somebody has understood them."""
    if text is None:
        return Source(how="admin", words=f"{who}: a wish to stop", rule=WISH)
    words = f"{who}: the customer texted “{text.body}”"[:LONGEST_REASON]
    return Source(how="admin", sender=text.sender, words=words, rule=WISH, message_id=text.id)


async def _find(request: web.Request) -> tuple[Contact, list[Line], Directory]:
    address = request.match_info["address"]

    def find(tx: Transaction) -> tuple[Contact | None, list[Line], Directory]:
        contact = listing.contact(tx, [address])
        lines = inbox.of_customer(tx, address) if contact else []
        return contact, lines, settings.load_directory(tx)

    contact, lines, directory = await request.app[PARTS].database.read(find)
    if contact is None:
        raise web.HTTPNotFound
    return contact, lines, directory


def _read_mark(request: web.Request) -> tuple[int, str] | None:
    given = request.query.get("before", "")
    if not given:
        return None
    at, _, address = given.partition("-")
    if not (at.isascii() and at.isdigit() and len(at) < 20 and address):
        raise BadRequest("before", "the end of a page of this same list")
    return min(int(at), LARGEST), address


ROUTES = (
    get("contacts", list_contacts, needs="viewer"),
    get("contacts/{address}", show_contact, needs="viewer"),
    get("contacts/{address}/consent.csv", export_ledger, needs="viewer"),
    post("contacts/{address}/consent", change_consent, needs="manager"),
    post("contacts/{address}/wish", decide_wish, needs="manager"),
)
