"""The fake Zendesk's users (reference: zendesk, 3)."""

from __future__ import annotations

import pytest

from bridge.sandbox.zendesk import FakeZendesk
from tests.sandbox.asking import ZendeskApi
from tests.sandbox.moving_clock import MovingClock

PHONE = "+14155551212"


async def found(zendesk_api: ZendeskApi, query: str) -> list[int]:
    reply = await zendesk_api.get(f"users/search?query={query}")
    assert reply.status == 200
    return [one["id"] for one in reply.body["users"]]


async def test_a_user_needs_a_name_and_nothing_else(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    nameless = await zendesk_api.call("POST", "users", {"user": {"phone": PHONE}})
    user = await zendesk_api.make_user(name="Caller", phone=PHONE, skip_verify_email=True)

    assert (nameless.status, nameless.body["details"]["name"][0]["error"]) == (422, "BlankValue")
    shown = (await zendesk_api.get(f"users/{user}")).body["user"]
    assert (shown["email"], shown["phone"], shown["shared_phone_number"]) == (None, PHONE, False)
    assert (shown["role"], shown["active"]) == ("end-user", True)
    assert zendesk.emails_sent == []


async def test_upsert_goes_by_external_id_and_mail_never_by_phone(zendesk_api: ZendeskApi) -> None:
    async def upsert(**fields: object) -> tuple[int, int]:
        reply = await zendesk_api.call(
            "POST", "users/create_or_update", {"user": {"name": "C", **fields}}
        )
        return reply.status, reply.body["user"]["id"]

    first = await upsert(phone=PHONE, external_id="sms:A")
    again = await upsert(phone=PHONE, external_id="SMS:a")
    by_phone = await upsert(phone=PHONE)
    by_mail = await upsert(email="c@example.org", external_id="other")
    by_mail_again = await upsert(email="C@example.org")

    assert (first[0], again) == (201, (200, first[1]))
    assert by_phone[0] == 201
    assert by_phone[1] != first[1]
    assert by_mail_again == (200, by_mail[1])


async def test_a_number_somebody_has_is_shared_and_no_identity(zendesk_api: ZendeskApi) -> None:
    first = await zendesk_api.make_user(phone=PHONE)
    second = await zendesk_api.make_user(phone=PHONE)

    identities = [
        (await zendesk_api.get(f"users/{user}/identities")).body["identities"]
        for user in (first, second)
    ]

    assert [[one["type"] for one in some] for some in identities] == [["phone_number"], []]
    shown = await zendesk_api.get(f"users/{second}")
    assert shown.body["user"]["shared_phone_number"] is True


@pytest.mark.parametrize(
    ("stored", "query", "matches"),
    [
        ("+14155551212", "phone:%2B14155551212", True),
        ("+14155551212", "phone:14155551212", False),
        ("+1 (415) 555-1212", "phone:%2B14155551212", False),
        ("+1 (415) 555-1212", "phone:14155551212", False),
        ("+1 (415) 555-1212", 'phone:"%2B1 (415) 555-1212"', True),
        ("+1 (415) 555-1212", 'phone:"%2B1 415 555-1212"', False),
        ("(415) 555-1212", "phone:14155551212", False),
        ("(415) 555-1212", "phone:4155551212", False),
        ("+14155551212", "phone:%2B14155551212 phone:4155551212", False),
        ("+14155551212", "phone:%2B1415*", True),
        ("+14155551212", "phone:%2B14155551212 role:end-user", True),
        ("+14155551212", "phone:%2B14155551212 role:agent", False),
    ],
)
async def test_search_knows_a_number_as_it_was_typed(
    zendesk_api: ZendeskApi, stored: str, query: str, matches: bool
) -> None:
    user = await zendesk_api.make_user(phone=stored)

    assert await found(zendesk_api, query) == ([user] if matches else [])


async def test_where_numbers_are_validated_their_digits_are_found_too(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    user = await zendesk_api.make_user(phone=PHONE)

    before = await found(zendesk_api, f"phone:{PHONE[1:]}")
    zendesk.account.validate_phones = True

    assert (before, await found(zendesk_api, f"phone:{PHONE[1:]}")) == ([], [user])


async def test_the_index_lags_but_the_external_id_does_not(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, clock: MovingClock
) -> None:
    zendesk.account.index_lag_s = 30
    user = await zendesk_api.make_user(phone=PHONE, external_id="sms:1")

    before = await found(zendesk_api, f"phone:%2B{PHONE[1:]}")
    exact = await zendesk_api.get("users/search?external_id=sms:1")
    many = await zendesk_api.get("users/show_many?external_ids=SMS:1,none")
    clock.advance(30)
    after = await found(zendesk_api, f"phone:%2B{PHONE[1:]}")

    assert (before, after) == ([], [user])
    assert [one["id"] for one in exact.body["users"]] == [user]
    assert [one["id"] for one in many.body["users"]] == [user]


@pytest.mark.parametrize(
    ("fields", "field", "error"),
    [
        ({"email": "taken@example.org"}, "email", "DuplicateValue"),
        ({"email": "nonsense"}, "email", "InvalidValue"),
        ({"external_id": "TAKEN"}, "external_id", "DuplicateValue"),
        ({"name": "x" * 256}, "name", "ValueTooLong"),
        ({"role": "owner"}, "role", "InvalidValue"),
        ({"phone": "(415) 555-1212"}, "phone", "InvalidFormat"),
    ],
)
async def test_a_user_that_can_not_be_is_refused(
    zendesk: FakeZendesk,
    zendesk_api: ZendeskApi,
    fields: dict[str, object],
    field: str,
    error: str,
) -> None:
    zendesk.account.validate_phones = True
    await zendesk_api.make_user(email="taken@example.org", external_id="taken")

    reply = await zendesk_api.call("POST", "users", {"user": {"name": "x", **fields}})

    assert (reply.status, reply.body["details"][field][0]["error"]) == (422, error)


async def test_a_further_address_does_not_replace_the_first(zendesk_api: ZendeskApi) -> None:
    user = await zendesk_api.make_user(email="one@example.org")
    await zendesk_api.call("PUT", f"users/{user}", {"user": {"email": "two@example.org"}})

    listed = (await zendesk_api.get(f"users/{user}/identities")).body["identities"]
    second = next(one for one in listed if one["value"] == "two@example.org")
    before = (await zendesk_api.get(f"users/{user}")).body["user"]["email"]
    await zendesk_api.call("PUT", f"users/{user}/identities/{second['id']}/make_primary")

    after = (await zendesk_api.get(f"users/{user}")).body["user"]["email"]
    assert (before, after) == ("one@example.org", "two@example.org")


async def test_a_phone_can_be_added_as_identity(zendesk_api: ZendeskApi) -> None:
    user = await zendesk_api.make_user(email="one@example.org")
    given = {"identity": {"type": "phone_number", "value": PHONE}}

    added = await zendesk_api.call("POST", f"users/{user}/identities", given)
    twice = await zendesk_api.call("POST", f"users/{user}/identities", given)

    assert (added.status, twice.status) == (201, 422)
    assert await found(zendesk_api, f"phone:%2B{PHONE[1:]}") == [user]


async def test_a_welcome_goes_out_unless_it_is_skipped(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    await zendesk_api.make_user(email="a@example.org", skip_verify_email=True)
    await zendesk_api.make_user(email="b@example.org")

    assert [(one.to, one.cause) for one in zendesk.emails_sent] == [("b@example.org", "welcome")]


async def test_a_deleted_user_is_inactive_and_not_found(zendesk_api: ZendeskApi) -> None:
    user = await zendesk_api.make_user(phone=PHONE, external_id="sms:1")

    gone = await zendesk_api.call("DELETE", f"users/{user}")

    assert gone.body["user"]["active"] is False
    assert (await zendesk_api.get(f"users/{user}")).body["user"]["active"] is False
    assert await found(zendesk_api, f"phone:%2B{PHONE[1:]}") == []
    again = await zendesk_api.make_user(phone=PHONE, external_id="sms:1")
    assert again != user


async def test_merging_users_keeps_the_winners_external_id(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi
) -> None:
    loser = await zendesk_api.make_user(phone=PHONE, external_id="sms:1")
    winner = await zendesk_api.make_user(email="w@example.org", external_id="crm:1")
    ticket = await zendesk_api.make_ticket(loser)

    await zendesk_api.call("PUT", f"users/{loser}/merge", {"user": {"id": winner}})

    shown = (await zendesk_api.get(f"users/{winner}")).body["user"]
    assert (shown["external_id"], shown["phone"]) == ("crm:1", PHONE)
    assert zendesk.ticket(ticket)["requester_id"] == winner
    assert zendesk.users[loser].active is False


async def test_users_are_read_in_one_call(zendesk: FakeZendesk, zendesk_api: ZendeskApi) -> None:
    users = [await zendesk_api.make_user() for _ in range(3)]

    reply = await zendesk_api.get(f"users/show_many?ids={users[0]},{users[2]},999")

    assert [one["id"] for one in reply.body["users"]] == [users[0], users[2]]
    assert (await zendesk_api.get("users/me")).body["user"]["id"] == zendesk.api_user.id


async def test_tickets_are_searched(
    zendesk: FakeZendesk, zendesk_api: ZendeskApi, clock: MovingClock
) -> None:
    customer = await zendesk_api.make_user()
    old = await zendesk_api.make_ticket(customer, tags=["sms"])
    closed = await zendesk_api.make_ticket(customer, tags=["sms"])
    await zendesk.set_status(closed, "closed")
    clock.advance(3600)
    new = await zendesk_api.make_ticket(customer, tags=["sms", "vip"])
    await zendesk_api.make_ticket(customer)

    async def search(query: str) -> set[int]:
        reply = await zendesk_api.get(f"search?query={query}")
        return {one["id"] for one in reply.body["results"]}

    assert await search("type:ticket tags:sms status<closed") == {old, new}
    assert await search("type:ticket tags:sms -tags:vip") == {old, closed}
    assert await search("type:ticket tags:sms updated>2026-01-02T03:30:00Z") == {new}
    assert (await zendesk_api.get("search?query=x&page=11")).status == 422
