from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bridge.clock import from_rfc3339
from bridge.desks.contract import DeskUser, UserId
from bridge.desks.zendesk.desk import ZendeskDesk
from bridge.desks.zendesk.users import is_number, phone_query, read_user
from bridge.domain.numbers import spellings
from bridge.errors import CredentialsRefused, FarSideError, Refused, TryLater
from tests.desks.scripted import NOW, Asked, ScriptedZendesk

SEARCH = "GET /api/v2/users/search"
UPSERT = "POST /api/v2/users/create_or_update"
NUMBER = "+12025550123"
KEY = "sms:+12025550123"


def user(**changes: object) -> dict[str, object]:
    return {
        "id": 900001,
        "name": "Ann",
        "email": "ann@example.org",
        "phone": NUMBER,
        "role": "end-user",
        "active": True,
        "suspended": False,
        "external_id": KEY,
        "updated_at": NOW,
        **changes,
    }


def desk_user(phone: str | None) -> DeskUser:
    return read_user(user(phone=phone))


def test_a_user_is_read() -> None:
    assert read_user(user()) == DeskUser(
        id=UserId(900001),
        name="Ann",
        phone=NUMBER,
        email="ann@example.org",
        is_staff=False,
        active=True,
        suspended=False,
        updated_at_ms=from_rfc3339(NOW),
        external_id=KEY,
    )


@pytest.mark.parametrize(("role", "staff"), [("agent", True), ("admin", True), ("end-user", False)])
def test_agents_and_admins_are_staff(role: str, staff: bool) -> None:
    assert read_user(user(role=role)).is_staff is staff


def test_spellings_with_spaces_are_quoted() -> None:
    assert phone_query("+12025550123") == "phone:+12025550123"
    assert phone_query("(202) 555-0123") == 'phone:"(202) 555-0123"'


@pytest.mark.parametrize(
    ("phone", "number", "same"),
    [
        pytest.param("+1 (202) 555-0123", "+12025550123", True, id="international"),
        pytest.param("202.555.0123", "+12025550123", True, id="national"),
        pytest.param("12025550123", "+12025550123", True, id="without plus"),
        pytest.param("4915123456789", "+4915123456789", True, id="without plus, Germany"),
        pytest.param("0012025550123", "+12025550123", True, id="dialled from Europe"),
        pytest.param("+1.202.555.0123", "+12025550123", True, id="dots"),
        pytest.param("+1 (202)-555-0123", "+12025550123", True, id="brackets and hyphens"),
        pytest.param("+44 (0)20 7946 0958", "+442079460958", True, id="bracketed zero"),
        pytest.param("0151 23456789", "+4915123456789", True, id="trunk prefix"),
        pytest.param("(555) 123-0001", "+15551230001", True, id="no region of its own"),
        pytest.param("+44 20 2555 0123", "+12025550123", False, id="another country"),
        pytest.param("+1 202 555 0123 ext. 5", "+12025550123", False, id="an extension"),
        pytest.param("2025550124", "+12025550123", False, id="another number"),
        pytest.param("none", "+12025550123", False, id="no number"),
        pytest.param(None, "+12025550123", False, id="nothing"),
    ],
)
def test_a_phone_is_compared_as_a_number(phone: str | None, number: str, same: bool) -> None:
    assert is_number(phone, number) is same


Record = dict[str, object]


def search_by(*users: Record) -> Callable[[Asked], tuple[int, object]]:
    """A search that finds a phone only as it was typed."""

    def answer(asked: Asked) -> tuple[int, object]:
        typed = asked.query["query"].removeprefix("phone:").strip('"')
        return 200, {"users": [each for each in users if each["phone"] == typed]}

    return answer


def queries(zendesk: ScriptedZendesk) -> list[str]:
    return [asked.query["query"] for asked in zendesk.calls(SEARCH)]


@pytest.mark.parametrize("number", [NUMBER, "+442079460958", "+4915123456789"])
async def test_whoever_typed_the_number_in_whatever_way_is_found(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, number: str
) -> None:
    everybody = [user(id=place, phone=way) for place, way in enumerate(spellings(number), 1)]
    zendesk.always(SEARCH, search_by(*everybody))

    got = await desk.users_by_phone(number)

    assert sorted(each.id for each in got) == [each["id"] for each in everybody]
    assert queries(zendesk)[0] == f"phone:{number}"
    assert len(queries(zendesk)) == len(everybody) <= 16


async def test_other_spellings_are_searched_at_once(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.always(SEARCH, search_by())
    zendesk.gate = asyncio.Barrier(len(spellings(NUMBER)) - 1)

    assert await desk.users_by_phone(NUMBER) == []


async def test_strangers_and_deleted_users_are_not_taken(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    stranger, deleted = user(id=5, phone="+442025550123"), user(id=6, active=False)
    zendesk.always(SEARCH, lambda _: (200, {"users": [stranger, deleted, user(id=7)]}))
    zendesk.on("GET /api/v2/users/5/identities", {"identities": []})

    assert [each.id for each in await desk.users_by_phone(NUMBER)] == [7]


@pytest.mark.parametrize("phone", [None, "+12025550177"], ids=["no phone", "another phone"])
@pytest.mark.parametrize(
    ("status", "found"), [(200, [900001]), (404, []), (403, [])], ids=["there", "404", "403"]
)
async def test_a_number_that_is_only_an_identity_counts(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, phone: str | None, status: int, found: list[int]
) -> None:
    zendesk.always(SEARCH, lambda _: (200, {"users": [user(phone=phone)]}))
    identity = {"type": "phone_number", "value": "+1 (202) 555-0123"}
    known = "GET /api/v2/users/900001/identities"
    zendesk.always(known, lambda _: (status, {"identities": [identity]}))
    zendesk.always("GET /api/v2/users/me", lambda _: (200, {"user": {"id": 55}}))

    assert [each.id for each in await desk.users_by_phone(NUMBER)] == found


async def test_a_loose_search_does_not_lead_to_hundreds_of_calls(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    crowd = [user(id=place, phone="+12025550177") for place in range(1, 101)]
    zendesk.always(SEARCH, lambda _: (200, {"users": crowd}))
    for place in range(1, 101):
        zendesk.always(f"GET /api/v2/users/{place}/identities", lambda _: (200, {"identities": []}))

    assert await desk.users_by_phone(NUMBER) == []

    assert len(zendesk.asked) <= 40


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_spelling_that_cannot_be_searched_finds_nobody(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, status: int
) -> None:
    def answer(asked: Asked) -> tuple[int, object]:
        if "(" in asked.query["query"] or "+" in asked.query["query"]:
            return status, {"error": "InvalidQuery"}
        return search_by(user(phone="2025550123"))(asked)

    zendesk.always(SEARCH, answer)

    assert [each.id for each in await desk.users_by_phone(NUMBER)] == [900001]


@pytest.mark.parametrize(
    ("status", "kind"), [(500, TryLater), (429, TryLater), (401, CredentialsRefused)]
)
async def test_a_spelling_that_was_not_searched_is_not_taken_for_nobody(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, status: int, kind: type[FarSideError]
) -> None:
    def answer(asked: Asked) -> tuple[int, object]:
        is_one = asked.query["query"] == "phone:2025550123"
        return (status, {}) if is_one else search_by(user())(asked)

    zendesk.always(SEARCH, answer)

    with pytest.raises(kind):
        await desk.users_by_phone(NUMBER)


async def test_nobody_is_asked_for_a_short_code(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    assert await desk.users_by_phone("50500") == []
    assert zendesk.asked == []


async def test_an_address_must_be_the_users_own(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    other = user(id=5, email="ann@example.org.example")
    zendesk.on(SEARCH, {"users": [other, user(email="Ann@Example.org")]})
    zendesk.on(SEARCH, {"users": [other]})

    found = await desk.user_by_email("ann@example.org")

    assert found is not None
    assert found.id == 900001
    assert await desk.user_by_email("ann@example.org") is None
    assert zendesk.asked[0].query == {"query": 'email:"ann@example.org"'}


async def test_an_address_cannot_widen_the_search(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    assert await desk.user_by_email('x" role:admin') is None
    assert zendesk.asked == []


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        pytest.param(200, {"user": user()}, True, id="there"),
        pytest.param(200, {"user": user(active=False)}, False, id="deleted or merged"),
        pytest.param(404, {"error": "RecordNotFound"}, False, id="unknown"),
    ],
)
async def test_a_user_is_found_by_id(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, status: int, body: object, found: bool
) -> None:
    zendesk.on("GET /api/v2/users/900001", body, status=status)

    assert (await desk.user(UserId(900001)) is not None) is found


async def test_a_key_is_looked_up_exactly(zendesk: ScriptedZendesk, desk: ZendeskDesk) -> None:
    zendesk.on(
        SEARCH, {"users": [user(external_id="sms:+1"), user(external_id="SMS:+12025550123")]}
    )

    got = await desk.user_for_key(KEY)

    assert got is not None
    assert got.external_id == "SMS:+12025550123"
    assert zendesk.asked[0].query == {"external_id": KEY}


async def test_an_end_user_is_made_without_a_welcome_mail(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(SEARCH, {"users": []})
    zendesk.on(UPSERT, {"user": user()}, status=201)

    got = await desk.make_user(external_id=KEY, name="n" * 300, phone=NUMBER)

    assert got.id == 900001
    assert zendesk.asked[1].json == {
        "user": {
            "name": "n" * 255,
            "external_id": KEY,
            "role": "end-user",
            "skip_verify_email": True,
            "phone": NUMBER,
        }
    }


async def test_a_known_user_is_returned_untouched(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(SEARCH, {"users": [user(name="Ann, renamed by an agent")]})

    got = await desk.make_user(external_id=KEY, name="SMS +12025550123", phone=NUMBER)

    assert got.name == "Ann, renamed by an agent"
    assert zendesk.calls(UPSERT) == []


async def test_a_number_that_zendesk_finds_invalid_does_not_stop_the_text(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(SEARCH, {"users": []})
    invalid = {
        "error": "RecordInvalid",
        "details": {"phone": [{"description": "Phone: is invalid", "error": "InvalidFormat"}]},
    }
    zendesk.on(UPSERT, invalid, status=422)
    zendesk.on(UPSERT, {"user": user(phone=None)}, status=201)

    await desk.make_user(external_id=KEY, name="Ann", phone=NUMBER)

    assert "phone" not in zendesk.asked[2].json["user"]


def refused_phone(code: str) -> dict[str, object]:
    details = {"phone": [{"description": "Phone: is taken", "error": code}]}
    return {"error": "RecordInvalid", "details": details}


def search_key_then(*found: Record) -> Callable[[Asked], tuple[int, object]]:
    """A search by phone that finds these; nobody has the key."""
    return lambda asked: (200, {"users": [] if "external_id" in asked.query else list(found)})


@pytest.mark.parametrize("code", ["DuplicateValue", "InvalidValue", ""])
async def test_a_number_that_is_somebodys_own_by_now_leads_to_them(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, code: str
) -> None:
    agent = user(id=6, role="agent", external_id=None)
    zendesk.always(SEARCH, search_key_then(agent, user(id=7, external_id=None)))
    zendesk.on(UPSERT, refused_phone(code), status=422)

    got = await desk.make_user(external_id=KEY, name="Ann", phone=NUMBER)

    assert got.id == 7


async def test_a_number_that_is_nobodys_and_yet_taken_does_not_stop_the_text(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.always(SEARCH, search_key_then())
    zendesk.on(UPSERT, refused_phone("DuplicateValue"), status=422)
    zendesk.on(UPSERT, {"user": user(phone=None)}, status=201)

    await desk.make_user(external_id=KEY, name="Ann", phone=NUMBER)

    sent = zendesk.calls(UPSERT)[1].json["user"]
    assert ("phone" in sent, sent["external_id"]) == (False, KEY)


@pytest.mark.parametrize("status", [400, 404])
async def test_an_account_that_cannot_look_up_keys_still_gets_the_user(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, status: int
) -> None:
    zendesk.on(SEARCH, {"error": "InvalidValue"}, status=status)
    zendesk.on(UPSERT, {"user": user()}, status=200)

    assert (await desk.make_user(external_id=KEY, name="Ann", phone=NUMBER)).id == 900001


async def test_other_refusals_of_a_user_are_passed_on(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(SEARCH, {"users": []})
    zendesk.on(UPSERT, {"error": "RecordInvalid"}, status=422)

    with pytest.raises(Refused):
        await desk.make_user(external_id=KEY, name="Ann", phone=NUMBER)


@pytest.mark.parametrize(("status", "body"), [(500, None), (200, {"user": {"id": None}})])
async def test_making_a_user_is_safe_to_repeat(
    zendesk: ScriptedZendesk, desk: ZendeskDesk, status: int, body: object
) -> None:
    zendesk.on(SEARCH, {"users": []})
    zendesk.on(UPSERT, body, status=status)

    with pytest.raises(TryLater):
        await desk.make_user(external_id=KEY, name="Ann", phone=NUMBER)
