from __future__ import annotations

import pytest

from bridge.clock import from_rfc3339
from bridge.desks.contract import DeskUser, UserId
from bridge.desks.zendesk.desk import ZendeskDesk
from bridge.desks.zendesk.users import is_number, phone_query, read_user, spellings
from bridge.errors import Refused, TryLater
from tests.desks.scripted import NOW, ScriptedZendesk

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


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(
            "+12025550123",
            (
                "+12025550123",
                "12025550123",
                "+1 202-555-0123",
                "(202) 555-0123",
                "2025550123",
                "+1 (202) 555-0123",
            ),
            id="US",
        ),
        pytest.param(
            "+442079460958",
            (
                "+442079460958",
                "442079460958",
                "+44 20 7946 0958",
                "020 7946 0958",
                "02079460958",
                "2079460958",
                "+44 020 7946 0958",
            ),
            id="GB",
        ),
        pytest.param("50500", (), id="short code"),
        pytest.param("Acme", (), id="name"),
    ],
)
def test_spellings_begin_with_the_likeliest(number: str, expected: tuple[str, ...]) -> None:
    assert spellings(number) == expected


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


async def test_a_user_with_the_plain_spelling_is_found_in_one_call(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(SEARCH, {"users": [user()]})

    got = await desk.users_by_phone(NUMBER)

    assert [each.id for each in got] == [900001]
    assert [asked.query for asked in zendesk.asked] == [{"query": "phone:+12025550123"}]


async def test_other_spellings_are_tried_until_one_finds_somebody(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    stranger = user(id=5, phone="+442025550123")
    deleted = user(id=6, active=False)
    zendesk.on(SEARCH, {"users": [stranger, deleted]})
    zendesk.on(SEARCH, {"users": []})
    zendesk.on(SEARCH, {"users": []})
    zendesk.on(SEARCH, {"users": [user(id=7, phone="(202) 555-0123"), stranger]})
    for _ in range(2):
        zendesk.on("GET /api/v2/users/5/identities", {"identities": []})

    got = await desk.users_by_phone(NUMBER)

    assert [each.id for each in got] == [7]
    searches = [asked for asked in zendesk.asked if asked.path.endswith("/search")]
    assert searches[-1].query == {"query": 'phone:"(202) 555-0123"'}


async def test_all_users_who_share_a_number_are_returned(
    zendesk: ScriptedZendesk, desk: ZendeskDesk
) -> None:
    zendesk.on(SEARCH, {"users": [user(id=1), user(id=2, role="agent")]})

    assert [each.id for each in await desk.users_by_phone(NUMBER)] == [1, 2]


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
