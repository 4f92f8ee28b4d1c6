"""Who a customer is at the desk: found by phone, else by e-mail, else made; never twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bridge.desks.contract import Desk, DeskUser, UserId
from bridge.domain.numbers import display, is_number, pretty
from bridge.store import contacts
from bridge.store.contacts import Contact
from bridge.store.database import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """The desk's user behind a phone. `note` is what the agent should know about the choice."""

    id: UserId
    is_fresh: bool  # looked up just now, not remembered
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requesters:
    """Finds and remembers requesters."""

    database: Database
    desk: Desk
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def resolve(self, address: str) -> Requester:
        """The requester for this phone. Two texts at once wait for each other here; two processes
        meet at the desk, where the user is made under an external id that is unique."""
        lock = self._locks.setdefault(address, asyncio.Lock())
        async with lock:
            contact = await self._know(address)
            if contact.requester_id is not None:
                return Requester(id=UserId(contact.requester_id), is_fresh=False)
            user, note = await self._find_or_make(contact)

            def keep(tx: Transaction) -> None:
                contacts.set_requester(tx, address, user.id)
                if user.name and user.name not in {pretty(address), display(address)}:
                    contacts.set_name(tx, address, user.name)

            await self.database.write(keep, brief=True)
            return Requester(id=user.id, is_fresh=True, note=note)

    async def resolve_again(self, address: str) -> Requester:
        """Forget who it was (deleted, merged away) and look anew."""
        await self.database.write(lambda tx: contacts.set_requester(tx, address, None))
        return await self.resolve(address)

    async def is_gone(self, user_id: UserId) -> bool:
        """Whether this user is no more (deleted, or merged into another)."""
        user = await self.desk.user(user_id)
        return user is None or not user.active

    async def _know(self, address: str) -> Contact:
        # Who has texted is known already: a read waits for no commit.
        known = await self.database.read(lambda tx: contacts.get(tx, address), brief=True)
        if known is not None:
            return known
        return await self.database.write(lambda tx: contacts.know(tx, address), brief=True)

    async def _find_or_make(self, contact: Contact) -> tuple[DeskUser, str | None]:
        address = contact.address
        has_phone = is_number(address)
        if has_phone:
            found = await self.desk.users_by_phone(address)
            if found:
                chosen = choose(found)
                return chosen, _note_on(found, chosen, address)
        if contact.email:
            by_email = await self.desk.user_by_email(contact.email)
            if by_email is not None and by_email.active:
                return by_email, None
        made = await self.desk.make_user(
            external_id=f"sms:{address}",
            name=contact.name or (pretty(address) if has_phone else display(address)),
            phone=address if has_phone else None,
        )
        return made, None


def choose(users: Sequence[DeskUser]) -> DeskUser:
    """Of several users with one phone: an end user before staff, then the one updated last."""
    return max(users, key=lambda user: (not user.is_staff, user.updated_at_ms, user.id))


def _note_on(users: Sequence[DeskUser], chosen: DeskUser, address: str) -> str | None:
    if len(users) < 2:
        return None
    others = ", ".join(f"#{user.id}" for user in users if user.id != chosen.id)
    return (
        f"Several users have the phone number {pretty(address)}: this ticket was given to "
        f"{chosen.name} (#{chosen.id}), who was updated last; the others are {others}. "
        "Merging them keeps the customer's history in one place."
    )
