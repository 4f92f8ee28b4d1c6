from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.desks.zendesk.answers import ZendeskRefused
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.auth import ApiToken
from bridge.errors import CredentialsRefused, FarSideError, OutcomeUnknown, TryLater
from bridge.http import HttpClient
from tests.desks.scripted import (
    ClosesOnSecond,
    HandClock,
    Handler,
    ScriptedZendesk,
    http_answer,
    read_request,
)

RawStart = Callable[[Handler], Awaitable[str]]
TICKET = "/api/v2/tickets/5"


def api_at(url: str, http: HttpClient) -> ZendeskApi:
    credentials = ApiToken(email="bridge@example.org", api_token="s3cret-token")
    return ZendeskApi(base_url=url, credentials=credentials, http=http, clock=HandClock())


async def test_what_is_sent_is_json_in_utf8(zendesk: ScriptedZendesk, api: ZendeskApi) -> None:
    zendesk.on(f"POST {TICKET}", {})

    await api.post(TICKET, {"body": "שלום 👋"})

    asked = zendesk.asked[0]
    assert asked.body == '{"body":"שלום 👋"}'.encode()
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept"] == "application/json"


async def test_bytes_are_sent_as_they_are_under_their_own_type(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    zendesk.on("POST /api/v2/uploads", {"upload": {}}, status=201)

    await api.post("/api/v2/uploads?filename=a.png", b"\x89PNG", {"Content-Type": "image/png"})

    asked = zendesk.asked[0]
    assert (asked.body, asked.headers["content-type"]) == (b"\x89PNG", "image/png")
    assert asked.query == {"filename": "a.png"}


async def test_parameters_are_encoded(zendesk: ScriptedZendesk, api: ZendeskApi) -> None:
    zendesk.on("GET /api/v2/users/search", {"users": []})

    await api.get("/api/v2/users/search", {"query": 'phone:"+1 202&x=#'})

    assert zendesk.asked[0].query == {"query": 'phone:"+1 202&x=#'}


async def test_an_empty_success_is_an_empty_answer(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    zendesk.on("DELETE /api/v2/webhooks/1", b"", status=204)

    assert await api.delete("/api/v2/webhooks/1") == {}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"<!DOCTYPE html><title>Log in</title>", id="log-in page"),
        pytest.param(b"", id="empty"),
        pytest.param(b'{"ticket": {"id": 5', id="truncated"),
        pytest.param([1, 2], id="array"),
        pytest.param({"job_status": {}}, id="another object"),
        pytest.param({"ticket": None}, id="null"),
    ],
)
@pytest.mark.parametrize(
    ("method", "kind"), [("GET", TryLater), ("PUT", OutcomeUnknown), ("POST", OutcomeUnknown)]
)
async def test_a_success_that_makes_no_sense_is_no_success(
    zendesk: ScriptedZendesk,
    api: ZendeskApi,
    method: str,
    kind: type[FarSideError],
    content: object,
) -> None:
    zendesk.on(f"{method} {TICKET}", content)
    call: Any = getattr(api, method.lower())

    with pytest.raises(kind, match="can't be used"):
        await call(TICKET, expect="ticket")


async def test_a_refusal_carries_code_and_words(zendesk: ScriptedZendesk, api: ZendeskApi) -> None:
    zendesk.on(f"GET {TICKET}", {"error": "RecordNotFound", "description": "Not found"}, status=404)

    with pytest.raises(ZendeskRefused, match="Not found") as caught:
        await api.get(TICKET)

    assert (caught.value.far_side, caught.value.code, caught.value.status) == (
        "zendesk",
        "RecordNotFound",
        404,
    )


ME = "GET /api/v2/users/me"
RESTRICTED = {"error": "Forbidden", "description": "You do not have access to this page."}


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("body", [RESTRICTED, b""], ids=["words", "empty"])
async def test_a_403_on_one_ticket_is_no_word_about_the_credentials(
    zendesk: ScriptedZendesk, api: ZendeskApi, method: str, body: object
) -> None:
    for _ in range(2):
        zendesk.on(f"{method} {TICKET}", body, status=403)
    zendesk.on(ME, {"user": {"id": 55}})
    call: Any = getattr(api, method.lower())

    with pytest.raises(ZendeskRefused) as caught:
        await call(TICKET)

    assert (caught.value.code, caught.value.status) == ("Forbidden", 403)


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_403_of_an_account_that_is_let_in_a_moment_later_is_no_refusal(
    zendesk: ScriptedZendesk, api: ZendeskApi, method: str
) -> None:
    zendesk.on(f"{method} {TICKET}", RESTRICTED, status=403)
    zendesk.on(ME, {"user": {"id": 55}})
    zendesk.on(f"{method} {TICKET}", {"ticket": {"id": 5}})
    call: Any = getattr(api, method.lower())

    assert await call(TICKET, expect="ticket") == {"ticket": {"id": 5}}


@pytest.mark.parametrize(
    ("status", "me"),
    [
        pytest.param(403, RESTRICTED, id="403"),
        pytest.param(401, {"error": "Couldn't authenticate you"}, id="401"),
        pytest.param(200, {"user": {"id": None, "name": "Anonymous user"}}, id="nobody"),
    ],
)
async def test_a_403_to_an_account_that_does_not_know_us_is_about_the_credentials(
    zendesk: ScriptedZendesk, api: ZendeskApi, status: int, me: object
) -> None:
    zendesk.on(f"PUT {TICKET}", RESTRICTED, status=403)
    zendesk.on(ME, me, status=status)

    with pytest.raises(CredentialsRefused):
        await api.put(TICKET, {})


@pytest.mark.parametrize(("status", "me"), [(503, None), (200, b"<html>")])
async def test_a_403_whose_meaning_cannot_be_found_out_is_tried_again(
    zendesk: ScriptedZendesk, api: ZendeskApi, status: int, me: object
) -> None:
    zendesk.on(f"PUT {TICKET}", RESTRICTED, status=403)
    zendesk.on(ME, me, status=status)

    with pytest.raises(TryLater):
        await api.put(TICKET, {})


async def test_a_403_that_names_a_scope_or_hides_ourselves_needs_no_second_look(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    lacking = "You are missing the following required scopes: tickets:write"
    zendesk.on(f"PUT {TICKET}", {"error": "Forbidden", "description": lacking}, status=403)
    zendesk.on(ME, RESTRICTED, status=403)

    with pytest.raises(CredentialsRefused, match="tickets:write"):
        await api.put(TICKET, {})
    with pytest.raises(CredentialsRefused):
        await api.get("/api/v2/users/me")

    assert len(zendesk.calls(ME)) == 1


async def test_a_redirect_is_not_followed(zendesk: ScriptedZendesk, api: ZendeskApi) -> None:
    zendesk.on(f"GET {TICKET}", b"", status=301, headers={"Location": f"{zendesk.url}/elsewhere"})

    with pytest.raises(TryLater, match="redirects") as caught:
        await api.get(TICKET)

    assert caught.value.whole_account
    assert len(zendesk.asked) == 1


async def test_a_put_on_a_dead_connection_arrives_once_and_its_outcome_is_unknown(
    http: HttpClient, raw_server: RawStart
) -> None:
    server = ClosesOnSecond()
    api = api_at(await raw_server(server), http)
    await api.get(TICKET)

    with pytest.raises(OutcomeUnknown):
        await api.put(TICKET, {"ticket": {"comment": {"body": "once"}}})

    assert server.methods == ["GET", "PUT"]


async def test_a_read_on_a_dead_connection_may_be_repeated(
    http: HttpClient, raw_server: RawStart
) -> None:
    api = api_at(await raw_server(ClosesOnSecond()), http)
    await api.get(TICKET)

    with pytest.raises(TryLater):
        await api.get(TICKET)

    assert await api.get(TICKET) == {}


async def test_a_write_that_never_left_may_be_repeated(http: HttpClient) -> None:
    api = api_at("http://zendesk.invalid", http)

    with pytest.raises(TryLater, match="can't be resolved"):
        await api.post("/api/v2/tickets", b"{}")


async def test_a_truncated_answer_to_a_write_leaves_its_outcome_unknown(
    http: HttpClient, raw_server: RawStart
) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(http_answer(b'{"ticket": {"id": 5}}', length=100))

    api = api_at(await raw_server(cut), http)

    with pytest.raises(OutcomeUnknown, match="cut short"):
        await api.put(TICKET, {})


async def test_warnings_of_ignored_keys_are_logged_without_the_query(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    headers = {"X-Zendesk-API-Warn": "Removed restricted keys ['ticket.x']"}
    zendesk.on("GET /api/v2/users/search", {"users": []}, headers=headers)

    with capture_logs() as logs:
        await api.get("/api/v2/users/search", {"query": "phone:+12025550123"})

    assert logs == [
        {
            "event": "zendesk.warned",
            "log_level": "warning",
            "method": "GET",
            "path": "/api/v2/users/search",
            "warning": "Removed restricted keys ['ticket.x']",
        }
    ]


def page(ids: list[int], **more: object) -> dict[str, object]:
    return {"triggers": [{"id": each} for each in ids], **more}


async def gather(api: ZendeskApi) -> list[int]:
    return [record["id"] async for record in api.pages("/api/v2/triggers", "triggers")]


async def test_cursor_pages_are_followed_while_there_are_more(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    call = "GET /api/v2/triggers"
    link = f"{zendesk.url}/api/v2/triggers?page[after]=c1"
    zendesk.on(
        call, page([1, 2], meta={"has_more": True, "after_cursor": "c1"}, links={"next": link})
    )
    zendesk.on(
        call, page([3], meta={"has_more": False, "after_cursor": "c2"}, links={"next": link})
    )

    assert await gather(api) == [1, 2, 3]
    assert [asked.query for asked in zendesk.asked] == [
        {"page[size]": "100"},
        {"page[size]": "100", "page[after]": "c1"},
    ]


async def test_a_next_link_on_our_own_host_is_followed(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    call = "GET /api/v2/triggers"
    link = f"{zendesk.url}/api/v2/triggers?page=2&per_page=100"
    zendesk.on(call, page([1], next_page=link))
    zendesk.on(call, page([2], next_page=None))

    assert await gather(api) == [1, 2]
    assert zendesk.asked[1].query == {"page": "2", "per_page": "100"}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"next_page": "https://evil.example/api/v2/x"}, id="offset"),
        pytest.param(
            {"meta": {"has_more": True}, "links": {"next": "https://evil.example/"}}, id="cursor"
        ),
        pytest.param({"meta": {"has_more": True}}, id="none at all"),
    ],
)
async def test_a_next_link_to_another_host_is_not_followed(
    zendesk: ScriptedZendesk, api: ZendeskApi, more: dict[str, object]
) -> None:
    zendesk.on("GET /api/v2/triggers", page([1], **more))

    with pytest.raises(TryLater, match="not at this account's address"):
        await gather(api)


async def test_a_next_link_whose_host_only_begins_like_ours_is_not_followed(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    zendesk.on("GET /api/v2/triggers", page([1], next_page=f"{zendesk.url}.evil.example/x"))

    with pytest.raises(TryLater):
        await gather(api)


async def test_pages_that_go_round_in_a_circle_end(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    for _ in range(2):
        zendesk.on(
            "GET /api/v2/triggers", page([1], meta={"has_more": True, "after_cursor": "same"})
        )

    with pytest.raises(TryLater, match="circle"):
        await gather(api)
