"""Zendesk's search syntax, as far as a bridge uses it, with an index that may lag."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.sandbox.zendesk.answers import LARGEST_PAGE, ZendeskRefusal, number, page
from bridge.sandbox.zendesk.records import STATUSES, Ticket, User, iso

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.state import Account

LAST_RESULT = 1000
_TERM = re.compile(r"^(-?)([a-z_]+)(:|<=|>=|<|>)(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of a query; `name` is "" for a bare word."""

    name: str
    operator: str
    value: str
    negated: bool = False

    def is_alternative_to(self, other: Term) -> bool:
        """Whether either of the two is enough: the same property asked for twice."""
        is_plain = self.operator == ":" and not self.negated and self.name != ""
        return self is other or (
            is_plain and (self.name, self.operator, self.negated) == other.kind
        )

    @property
    def kind(self) -> tuple[str, str, bool]:
        """What the term asks about, without its value."""
        return self.name, self.operator, self.negated


def find_users(account: Account, query: str) -> list[User]:
    """Find active users. All terms must hold."""
    terms = _terms(query)
    return [
        user
        for user in account.users.values()
        if user.active
        and _is_indexed(account, user.created_ms)
        and all(_user_matches(account, user, term) for term in terms)
    ]


def find_tickets(account: Account, query: str) -> list[Ticket]:
    """Find tickets that are not deleted. All terms must hold; alternatives count as one."""
    terms = _terms(query)
    return [
        ticket
        for ticket in account.tickets.values()
        if not ticket.deleted
        and _is_indexed(account, ticket.created_ms)
        and all(
            any(
                _ticket_matches(account, ticket, one)
                for one in terms
                if one.is_alternative_to(term)
            )
            for term in terms
        )
    ]


class Search:
    """The handler of /api/v2/search."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def routes(self) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        return [("GET", "search", self.search), ("GET", "search/count", self.count)]

    async def search(self, request: web.Request) -> web.Response:
        """GET tickets and users, offset pages, 1000 at most."""
        at = number(request.query.get("page", "1"), LAST_RESULT)
        size = number(request.query.get("per_page", "100"), LARGEST_PAGE)
        if at * size > LAST_RESULT:
            raise ZendeskRefusal(
                422,
                {
                    "error": "Invalid search",
                    "description": "Requested response size was greater "
                    "than Search Response Limits",
                },
            )
        return web.json_response(
            page(request, "results", self._find(request), self._write, lambda one: one.id)
        )

    async def count(self, request: web.Request) -> web.Response:
        """GET how many there are."""
        return web.json_response({"count": len(self._find(request))})

    def _find(self, request: web.Request) -> list[Ticket | User]:
        query = request.query.get("query", "")
        kinds = {term.value for term in _terms(query) if term.name == "type"}
        found: list[Ticket | User] = []
        if not kinds or "ticket" in kinds:
            found += sorted(
                find_tickets(self.account, query), key=lambda one: (one.updated_ms, one.id)
            )
        if not kinds or "user" in kinds:
            found += find_users(self.account, query)
        if request.query.get("sort_order", "desc") == "desc":
            found.reverse()
        return found

    def _write(self, one: Ticket | User) -> dict[str, object]:
        if isinstance(one, Ticket):
            return {**self.account.ticket_json(one), "result_type": "ticket"}
        return {**self.account.user_json(one), "result_type": "user"}


def _is_indexed(account: Account, created_ms: int) -> bool:
    return created_ms + account.index_lag_s * 1000 <= account.now_ms()


def _terms(query: str) -> list[Term]:
    try:
        parts = shlex.split(query, posix=True)
    except ValueError:
        parts = query.split()
    found = []
    for part in parts:
        match = _TERM.match(part)
        if match is None:
            found.append(Term(name="", operator=":", value=part))
        else:
            found.append(
                Term(negated=match[1] == "-", name=match[2], operator=match[3], value=match[4])
            )
    return found


def _user_matches(account: Account, user: User, term: Term) -> bool:
    value = term.value
    if term.name == "type":
        return value == "user"
    words = f"{user.name} {user.email or ''} {user.notes} {user.phone or ''}".lower()
    emails = [one.value.lower() for one in user.identities if one.type == "email"]
    holds = {
        "": lambda: value.lower() in words or value.lower() in emails,
        "phone": lambda: _phone_matches(account, user, value),
        "email": lambda: value.lower() in emails,
        "role": lambda: value in {user.role, "staff" if user.is_staff else "end-user"},
        "external_id": lambda: (user.external_id or "").lower() == value.lower(),
        "name": lambda: value.lower() in user.name.lower(),
        "tags": lambda: value in user.tags,
        "user": lambda: value.lower() in words,
    }.get(term.name, lambda: False)()
    return holds is not term.negated


def _phone_matches(account: Account, user: User, value: str) -> bool:
    """Compare with the number as it was typed; its digits count too where numbers are validated.

    What a real index makes of other spellings is not documented, so none of them is found here.
    """
    forms = {one.value for one in user.identities if one.type == "phone_number"}
    forms |= {user.phone} if user.phone else set()
    if account.validate_phones:
        forms |= {re.sub(r"\D", "", form) for form in forms}
    if value.endswith("*"):
        return any(form.startswith(value[:-1]) for form in forms)
    return value in forms


def _ticket_matches(account: Account, ticket: Ticket, term: Term) -> bool:
    value, operator = term.value, term.operator
    if term.name == "type":
        return value == "ticket"
    requester = account.users[ticket.requester_id]
    texts = " ".join([ticket.subject, *(one.plain_body for one in ticket.comments)]).lower()
    holds = {
        "": lambda: value.lower() in texts,
        "status": lambda: _compare(STATUSES.index(ticket.status), operator, _status_index(value)),
        "tags": lambda: value in ticket.tags,
        "external_id": lambda: ticket.external_id == value,
        "requester": lambda: value in {str(requester.id), requester.email, requester.name},
        "updated": lambda: _compare(_moment(ticket.updated_ms, value), operator, value),
        "created": lambda: _compare(_moment(ticket.created_ms, value), operator, value),
        "subject": lambda: value.lower() in ticket.subject.lower(),
        "group": lambda: str(ticket.group_id) == value,
        "brand": lambda: str(ticket.brand_id) == value,
    }.get(term.name, lambda: False)()
    return holds is not term.negated


def _status_index(value: str) -> int:
    return STATUSES.index(value) if value in STATUSES else -1


def _moment(ms: int, like: str) -> str:
    return (iso(ms) or "")[: len(like)]


def _compare(left: int | str, operator: str, right: int | str) -> bool:
    if operator == ":":
        return left == right
    if operator in {"<", "<="} and left == right:
        return operator == "<="
    if operator in {">", ">="} and left == right:
        return operator == ">="
    is_less = str(left) < str(right) if isinstance(left, str) else left < int(right)
    return is_less if operator.startswith("<") else not is_less
