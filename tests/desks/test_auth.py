from __future__ import annotations

import asyncio
import base64

import pytest

from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.auth import ApiToken, OAuthClient
from bridge.errors import CredentialsRefused, TryLater
from bridge.http import HttpClient
from tests.desks.scripted import HandClock, ScriptedZendesk

TOKENS = "POST /oauth/tokens"
ME = "GET /api/v2/users/me"


@pytest.fixture
def oauth(zendesk: ScriptedZendesk, http: HttpClient, clock: HandClock) -> OAuthClient:
    return OAuthClient(
        base_url=zendesk.url, client_id="sms", client_secret="s3cret", http=http, clock=clock
    )


@pytest.fixture
def oauth_api(
    zendesk: ScriptedZendesk, oauth: OAuthClient, http: HttpClient, clock: HandClock
) -> ZendeskApi:
    return ZendeskApi(base_url=zendesk.url, credentials=oauth, http=http, clock=clock)


def grant(token: str, expires_in: object = 7200) -> dict[str, object]:
    return {
        "access_token": token,
        "token_type": "bearer",
        "scope": "read write",
        "expires_in": expires_in,
    }


async def test_a_token_is_asked_for_once_and_kept(
    zendesk: ScriptedZendesk, oauth: OAuthClient
) -> None:
    zendesk.on(TOKENS, grant("t1"))

    got = [await oauth.authorization() for _ in range(3)]

    assert got == ["Bearer t1"] * 3
    assert [asked.json for asked in zendesk.asked] == [
        {
            "grant_type": "client_credentials",
            "client_id": "sms",
            "client_secret": "s3cret",
            "scope": "read write",
            "expires_in": 7200,
        }
    ]


@pytest.mark.parametrize(
    ("life_s", "kept_s"),
    [
        pytest.param(7200, 7139, id="a minute before the end"),
        pytest.param(100, 79, id="a fifth of a short life"),
        pytest.param("garbage", 1739, id="half an hour where the answer doesn't say"),
    ],
)
async def test_a_token_is_renewed_before_its_end(
    zendesk: ScriptedZendesk, oauth: OAuthClient, clock: HandClock, life_s: object, kept_s: int
) -> None:
    zendesk.on(TOKENS, grant("t1", life_s))
    zendesk.on(TOKENS, grant("t2"))
    await oauth.authorization()

    clock.forward(kept_s)
    before = await oauth.authorization()
    clock.forward(2)
    after = await oauth.authorization()

    assert (before, after) == ("Bearer t1", "Bearer t2")


async def test_many_callers_share_one_renewal(zendesk: ScriptedZendesk, oauth: OAuthClient) -> None:
    zendesk.on(TOKENS, grant("t1"))

    got = await asyncio.gather(*(oauth.authorization() for _ in range(20)))

    assert set(got) == {"Bearer t1"}
    assert len(zendesk.calls(TOKENS)) == 1


async def test_many_callers_share_one_failure(zendesk: ScriptedZendesk, oauth: OAuthClient) -> None:
    zendesk.on(TOKENS, status=500)
    zendesk.on(TOKENS, grant("t1"))

    got = await asyncio.gather(*(oauth.authorization() for _ in range(20)), return_exceptions=True)

    assert {type(each) for each in got} == {TryLater}
    assert len(zendesk.calls(TOKENS)) == 1
    assert await oauth.authorization() == "Bearer t1"


async def test_a_token_that_still_lives_is_used_when_renewing_fails(
    zendesk: ScriptedZendesk, oauth: OAuthClient, clock: HandClock
) -> None:
    zendesk.on(TOKENS, grant("t1", 600))
    zendesk.on(TOKENS, status=503)
    zendesk.on(TOKENS, status=503)
    await oauth.authorization()

    clock.forward(570)
    assert await oauth.authorization() == "Bearer t1"

    clock.forward(31)
    with pytest.raises(TryLater) as caught:
        await oauth.authorization()
    assert caught.value.whole_account


async def test_a_401_renews_the_token_and_repeats_the_call_once(
    zendesk: ScriptedZendesk, oauth_api: ZendeskApi
) -> None:
    zendesk.on(TOKENS, grant("t1"))
    zendesk.on(TOKENS, grant("t2"))
    put = "PUT /api/v2/tickets/5"
    zendesk.on(put, {"error": "invalid_token"}, status=401)
    zendesk.on(put, {"ticket": {"id": 5}})

    got = await oauth_api.put("/api/v2/tickets/5", {"ticket": {}})

    assert got == {"ticket": {"id": 5}}
    assert [asked.headers["authorization"] for asked in zendesk.calls(put)] == [
        "Bearer t1",
        "Bearer t2",
    ]


async def test_a_second_401_is_final(zendesk: ScriptedZendesk, oauth_api: ZendeskApi) -> None:
    zendesk.on(TOKENS, grant("t1"))
    zendesk.on(TOKENS, grant("t2"))
    zendesk.on(ME, {"error": "Couldn't authenticate you"}, status=401)
    zendesk.on(ME, {"error": "Couldn't authenticate you"}, status=401)

    with pytest.raises(CredentialsRefused, match="does not accept the bridge's credentials"):
        await oauth_api.get("/api/v2/users/me")


async def test_a_401_of_many_calls_renews_once(
    zendesk: ScriptedZendesk, oauth_api: ZendeskApi
) -> None:
    zendesk.on(TOKENS, grant("t1"))
    zendesk.on(TOKENS, grant("t2"))
    for _ in range(5):
        zendesk.on(ME, status=401)
    for _ in range(5):
        zendesk.on(ME, {"user": {}})

    await asyncio.gather(*(oauth_api.get("/api/v2/users/me") for _ in range(5)))

    assert len(zendesk.calls(TOKENS)) == 2


@pytest.mark.parametrize(
    ("status", "body", "code", "words"),
    [
        pytest.param(
            400,
            {"error": "invalid_scope", "error_description": "The requested scope is invalid"},
            "invalid_scope",
            'may not ask for the scope "read write"',
            id="scope",
        ),
        pytest.param(
            401,
            {"error": "invalid_client", "error_description": "unknown client"},
            "invalid_client",
            "BRIDGE_ZENDESK_CLIENT_ID",
            id="client",
        ),
        pytest.param(403, None, "403", "BRIDGE_ZENDESK_CLIENT_SECRET", id="nothing said"),
    ],
)
async def test_a_client_that_is_refused_is_told_why(
    zendesk: ScriptedZendesk, oauth: OAuthClient, status: int, body: object, code: str, words: str
) -> None:
    zendesk.on(TOKENS, body, status=status)

    with pytest.raises(CredentialsRefused, match=words) as caught:
        await oauth.authorization()

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("status", "content", "headers", "pause_s"),
    [
        pytest.param(429, None, {"Retry-After": "12"}, 12.0, id="limit"),
        pytest.param(500, b"", {}, None, id="500"),
        pytest.param(200, b"<html>log in</html>", {}, None, id="page"),
        pytest.param(200, {"access_token": ""}, {}, None, id="no token"),
        pytest.param(200, {"access_token": "a\r\nX-Evil: 1"}, {}, None, id="token with lines"),
    ],
)
async def test_no_token_just_now_means_later(
    zendesk: ScriptedZendesk,
    oauth: OAuthClient,
    status: int,
    content: object,
    headers: dict[str, str],
    pause_s: float | None,
) -> None:
    zendesk.on(TOKENS, content, status=status, headers=headers)

    with pytest.raises(TryLater) as caught:
        await oauth.authorization()

    assert caught.value.pause_s == pause_s


async def test_an_api_token_goes_out_as_basic_authentication(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    zendesk.on(ME, {"user": {}})

    await api.get("/api/v2/users/me")

    kind, _, pair = zendesk.asked[0].headers["authorization"].partition(" ")
    assert (kind, base64.b64decode(pair)) == ("Basic", b"bridge@example.org/token:s3cret-token")


async def test_an_api_token_that_is_refused_is_not_tried_again(
    zendesk: ScriptedZendesk, api: ZendeskApi
) -> None:
    zendesk.on(ME, status=401)

    with pytest.raises(CredentialsRefused):
        await api.get("/api/v2/users/me")

    assert len(zendesk.asked) == 1


def test_secrets_are_not_in_repr(oauth: OAuthClient) -> None:
    token = ApiToken(email="bridge@example.org", api_token="s3cret")

    assert "s3cret" not in repr(oauth) + repr(token) + str(oauth) + str(token)
