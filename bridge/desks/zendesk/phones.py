"""Calls that look for users, by phone in whatever spelling or by what the search can do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from bridge.desks.contract import DeskUser
from bridge.desks.zendesk import users
from bridge.desks.zendesk.answers import ZendeskRefused, well_formed
from bridge.desks.zendesk.api import Params, ZendeskApi
from bridge.desks.zendesk.records import optional_text, record_of, records_of
from bridge.domain import numbers

SEARCH = "/api/v2/users/search"
NOT_UNDERSTOOD = frozenset({400, 404, 422})  # a search that this account can't do finds nobody
MOST_LOOKED_AT = 20  # users whose identities are read; a loose search can find a hundred

Found = TypeVar("Found")


async def search(api: ZendeskApi, params: Params) -> list[DeskUser]:
    """The active users that a search finds; none where it is not understood."""
    try:
        answer = await api.get(SEARCH, params, expect="users")
    except ZendeskRefused as error:
        if error.status not in NOT_UNDERSTOOD:
            raise
        return []
    with well_formed(write=False):
        found = [users.read_user(record) for record in records_of(answer, "users")]
    return [user for user in found if user.active]


async def find_by_phone(api: ZendeskApi, number: str) -> list[DeskUser]:
    """Active users with this E.164 number, however it was typed.

    Zendesk finds a number only as it was typed, and that several terms of one property count as
    alternatives is not documented: one search a spelling, all but the first of them at once.
    """
    if not numbers.is_number(number):
        return []
    first, *others = numbers.spellings(number)
    answers = [await _by_spelling(api, first)]
    answers += await _together(_by_spelling(api, each) for each in others)
    met = {user.id: user for found in answers for user in found}
    theirs = [user for user in met.values() if users.is_number(user.phone, number)]
    unclear = [user for user in met.values() if user not in theirs]
    unclear.sort(key=lambda user: user.updated_at_ms, reverse=True)
    looked_at = unclear[:MOST_LOOKED_AT]
    has = await _together(_has_identity(api, user, number) for user in looked_at)
    return theirs + [user for user, is_theirs in zip(looked_at, has, strict=True) if is_theirs]


async def _by_spelling(api: ZendeskApi, spelling: str) -> list[DeskUser]:
    return await search(api, {"query": users.phone_query(spelling)})


async def _has_identity(api: ZendeskApi, user: DeskUser, number: str) -> bool:
    # A merge of two users leaves the loser's number among the winner's identities, and a number
    # can be added as an identity alone.
    try:
        answer = await api.get(f"/api/v2/users/{user.id}/identities", expect="identities")
    except ZendeskRefused:
        return False  # gone meanwhile
    return any(
        identity.get("type") == "phone_number"
        and users.is_number(optional_text(identity, "value"), number)
        for identity in records_of(answer, "identities")
    )


async def _together(calls: Iterable[Awaitable[Found]]) -> list[Found]:
    # All are waited for before one's failure is told, so that none goes on unseen.
    results = await asyncio.gather(*calls, return_exceptions=True)
    found: list[Found] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found


async def upsert(api: ZendeskApi, *, external_id: str, name: str, phone: str | None) -> DeskUser:
    """Create an end user, or change the one that has this external id."""
    request = users.creation_request(external_id=external_id, name=name, phone=phone)
    answer = await api.post("/api/v2/users/create_or_update", request, expect="user")
    with well_formed(write=True):
        return users.read_user(record_of(answer, "user"))
