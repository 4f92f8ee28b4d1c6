"""A world without far sides or bridge: it keeps what the page does to it, and can be told more."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from bridge.clock import SystemClock, rfc3339
from bridge.errors import BadRequest
from bridge.sandbox.page import CommentView, Outcome, State, Status, TicketView
from bridge.sandbox.story import BRAND_NUMBERS, CUSTOMERS

MAYA = CUSTOMERS[0].number
ACME = BRAND_NUMBERS[0].number


class SmallWorld:
    """Implements `bridge.sandbox.page.World`; `calls` is what the page asked for, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.pictures: dict[str, tuple[str, bytes]] = {}
        self._changed = asyncio.Condition()
        self._clock = SystemClock()
        self._ids = 1000
        self._refusal = ""
        self._state: State = {
            "senders": [
                {"number": one.number, "name": one.name, "kind": one.kind} for one in BRAND_NUMBERS
            ],
            "customers": [
                {
                    "number": one.number,
                    "name": one.name,
                    "about": one.about,
                    "next_delivery": "delivered",
                }
                for one in CUSTOMERS
            ],
            "texts": [],
            "tickets": [],
            "messages": [],
            "zendesk_down": False,
        }

    async def state(self) -> State:
        return copy.deepcopy(self._state)

    async def subscribe(self) -> AsyncGenerator[State]:
        while True:
            yield await self.state()
            async with self._changed:
                await self._changed.wait()

    async def text(
        self, *, customer: str, sender: str, body: str, copies: int, with_picture: bool
    ) -> str:
        self.calls.append(
            ("text", {"customer": customer, "sender": sender, "body": body, "copies": copies})
        )
        if customer not in {one["number"] for one in self._state["customers"]}:
            raise BadRequest("customer", "one of the sandbox's customers")
        pictures = ["mug"] if with_picture else []
        return await self.add_text(customer, body, sender=sender, copies=copies, pictures=pictures)

    def picture(self, picture_id: str) -> tuple[str, bytes] | None:
        return self.pictures.get(picture_id)

    async def reply(self, *, ticket_id: int, html: str, public: bool) -> int:
        self.calls.append(("reply", {"ticket_id": ticket_id, "html": html, "public": public}))
        if self._refusal:
            raise BadRequest("ticket_id", self._refusal)
        return await self.add_comment(ticket_id, html=html, public=public, role="agent")

    async def set_status(self, *, ticket_id: int, status: Status) -> None:
        self.calls.append(("set_status", {"ticket_id": ticket_id, "status": status}))
        self._ticket(ticket_id)["status"] = status
        await self._tell()

    async def merge(self, *, ticket_id: int, into: int) -> None:
        self.calls.append(("merge", {"ticket_id": ticket_id, "into": into}))
        self._ticket(ticket_id)["status"] = "closed"
        await self._tell()

    async def zendesk_down(self, *, down: bool) -> None:
        self.calls.append(("zendesk_down", {"down": down}))
        self._state["zendesk_down"] = down
        await self._tell()

    async def next_delivery(self, *, customer: str, outcome: Outcome) -> None:
        self.calls.append(("next_delivery", {"customer": customer, "outcome": outcome}))
        for one in self._state["customers"]:
            if one["number"] == customer:
                one["next_delivery"] = outcome
        await self._tell()

    # ---- what tests tell it

    def refuse_next(self, words: str) -> None:
        """Refuse replies from now on, with these words."""
        self._refusal = words

    async def add_text(  # a text as the phone network has it
        self,
        customer: str,
        body: str,
        *,
        sender: str = ACME,
        from_customer: bool = True,
        state: str = "delivered",
        reason: str | None = None,
        copies: int = 1,
        pictures: Sequence[str] = (),
    ) -> str:
        text_id = f"SM{self._next_id()}"
        self._state["texts"].append(
            {
                "id": text_id,
                "customer": customer,
                "sender": sender,
                "from_customer": from_customer,
                "body": body,
                "media": [],
                "pictures": list(pictures),
                "state": state,
                "reason": reason,
                "copies": copies,
                "at": self._now(),
            }
        )
        await self._tell()
        return text_id

    async def add_message(self, **fields: object) -> None:
        """A message as the bridge's API gives it."""
        message: dict[str, object] = {
            "id": f"m{self._next_id()}",
            "direction": "inbound",
            "sender": ACME,
            "customer": MAYA,
            "body": "",
            "media": [],
            "verdict": None,
            "state": "done",
            "ticket_id": None,
            "comment_id": None,
            "carrier": "twilio",
            "carrier_id": None,
            "segments": 1,
            "error": None,
            "created_at": self._now(),
        }
        self._state["messages"].append({**message, **fields})
        await self._tell()

    async def add_ticket(self, ticket_id: int, subject: str, **fields: object) -> None:
        ticket: TicketView = {
            "id": ticket_id,
            "subject": subject,
            "status": "new",
            "requester": CUSTOMERS[0].name,
            "phone": MAYA,
            "tags": ["sms", "sms_bridge"],
            "follow_up_of": None,
            "comments": [],
            "created_at": self._now(),
            "updated_at": self._now(),
        }
        ticket.update(fields)  # type: ignore[typeddict-item]  # a test names real fields
        self._state["tickets"].append(ticket)
        await self._tell()

    async def add_comment(
        self,
        ticket_id: int,
        *,
        html: str = "",
        plain: str = "",
        public: bool = True,
        role: str = "customer",
        files: Sequence[str] = (),
    ) -> int:
        comment: CommentView = {
            "id": self._next_id(),
            "public": public,
            "author": self._ticket(ticket_id)["requester"] if role == "customer" else "Robin Park",
            "role": role,
            "html": html,
            "plain": plain or html,
            "attachments": list(files),
            "pictures": list(files),
            "at": self._now(),
        }
        self._ticket(ticket_id)["comments"].append(comment)
        self._ticket(ticket_id)["updated_at"] = self._now()
        await self._tell()
        return comment["id"]

    def _ticket(self, ticket_id: int) -> TicketView:
        for ticket in self._state["tickets"]:
            if ticket["id"] == ticket_id:
                return ticket
        raise BadRequest("ticket_id", "a ticket that exists")

    def _next_id(self) -> int:
        self._ids += 1
        return self._ids

    def _now(self) -> str:
        return rfc3339(self._clock.now_ms())

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
