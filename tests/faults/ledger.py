"""What was said to the bridge, what it answered, and what the far sides really did because of it.

The history is written down by whoever plays customers and agents; the ledger is read from the
sandbox's far sides, which append each effect as they apply it. Times are UTC milliseconds of the
one clock that all share.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bridge.sandbox.twilio import FakeTwilio
from bridge.sandbox.zendesk import FakeZendesk
from bridge.sandbox.zendesk.records import Write

MARK = "sms_bridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerText:
    """A text as its customer sent it. `key` is a word in it that no other text or reply has.

    `acknowledged`: the carrier was told 2xx, at the latest at `told_ms`; `kept_ms` is the same by
    the clock that the far sides and the bridge share, which may be set. An opt-out has no key.
    """

    key: str
    customer: str
    to: str
    body: str
    carrier_id: str
    begun_ms: int
    told_ms: int
    acknowledged: bool
    opts_out: bool = False
    kept_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReply:
    """A public comment of an agent. `keys` are words of its own, one for each text it makes.

    `hinted`: a webhook about it was answered with 2xx.
    """

    keys: tuple[str, ...]
    ticket_id: int
    comment_id: int
    customer: str
    sender: str
    hinted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything that was said. `swept`: sweeps have run since, so that what no webhook told of
    has to be there as well."""

    texts: tuple[CustomerText, ...] = ()
    replies: tuple[AgentReply, ...] = ()
    swept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenComment:
    """A comment that Zendesk has taken, in any way. `customer` is the requester's phone."""

    at_ms: int
    ticket_id: int
    comment_id: int
    opens_ticket: bool
    by_bridge: bool
    public: bool
    mark: str
    body: str
    customer: str
    external_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedText:
    """A text that the carrier has taken for sending."""

    at_ms: int
    carrier_id: str
    sender: str
    customer: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What the far sides did, each in the order in which it did it.

    `people` are the phones of the end users that exist, one entry a user; `closed` the tickets
    that no comment can be added to any more; `said_ms` tells when each text to us was sent, by its
    carrier's id.
    """

    comments: tuple[WrittenComment, ...] = ()
    sends: tuple[AcceptedText, ...] = ()
    callbacks: tuple[tuple[str, str, int], ...] = ()  # carrier's id, state, HTTP status
    people: tuple[str, ...] = ()
    closed: frozenset[int] = field(default_factory=frozenset)
    said_ms: Mapping[str, int] = field(default_factory=dict)


def read_ledger(twilio: FakeTwilio, zendesk: FakeZendesk) -> Ledger:
    """Read what both far sides have done so far."""
    users = [user for user in zendesk.users.values() if user.active]
    return Ledger(
        comments=tuple(_comments(zendesk)),
        sends=tuple(
            AcceptedText(
                at_ms=each.at_ms,
                carrier_id=each.sid,
                sender=each.sender,
                customer=each.customer,
                body=each.body,
            )
            for each in twilio.sent
        ),
        callbacks=tuple(twilio.callback_log),
        people=tuple(user.phone for user in users if user.phone and not user.is_staff),
        closed=frozenset(
            ticket.id
            for ticket in zendesk.tickets.values()
            if ticket.status == "closed" or ticket.deleted
        ),
        said_ms={
            each.sid: each.created_ms
            for each in twilio.account.messages
            if each.direction == "inbound"
        },
    )


def hinted_comments(zendesk: FakeZendesk) -> frozenset[int]:
    """The comments about which a webhook was answered with 2xx."""
    told = [
        json.loads(each.body) for each in zendesk.deliveries.invocations if each.status == "success"
    ]
    return frozenset(int(each["comment_id"]) for each in told if each.get("comment_id"))


def _comments(zendesk: FakeZendesk) -> Iterator[WrittenComment]:
    bodies = {
        comment.id: comment.body
        for ticket in zendesk.tickets.values()
        for comment in ticket.comments
    }
    for write in zendesk.writes:
        if write.comment_id is not None and write.ticket_id is not None:
            yield _comment(zendesk, write, write.ticket_id, bodies[write.comment_id])


def _comment(zendesk: FakeZendesk, write: Write, ticket_id: int, body: str) -> WrittenComment:
    ticket = zendesk.tickets[ticket_id]
    return WrittenComment(
        at_ms=write.at_ms,
        ticket_id=ticket_id,
        comment_id=int(write.comment_id or 0),
        opens_ticket=write.kind == "ticket",
        by_bridge=write.source == "api",
        public=bool(write.public),
        mark=str(write.custom.get(MARK, "")),
        body=body,
        customer=zendesk.users[ticket.requester_id].phone or "",
        external_id=ticket.external_id or "",
    )
