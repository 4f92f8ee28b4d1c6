"""ID tokens that prove nothing: each differs from a good one in a single thing."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pytest_aiohttp.plugin import AiohttpServer

from bridge.http import HttpClient
from bridge.sign_on import NotSignedOn, SignOn, state_of

KEY: Final = "the cookie of this browser"
SECRET: Final = "a secret that the provider knows, too"
BACK: Final = "http://127.0.0.1/admin/sign-on/done"
OURS, THEIRS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
Claims = dict[str, Any]


def public_of(key: rsa.RSAPrivateKey, kid: str = "one") -> Claims:
    shown: Claims = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**shown, "kid": kid, "use": "sig", "alg": "RS256"}


@dataclass(slots=True, kw_only=True)
class Provider:
    """An OpenID provider that answers with whatever token it is given."""

    issuer: str = ""
    token: str = ""
    keys: list[Claims] = field(default_factory=lambda: [public_of(OURS)])
    discovered: Claims = field(default_factory=dict)

    async def discover(self, _request: web.Request) -> web.Response:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return web.json_response({**found, **self.discovered})

    async def redeem(self, _request: web.Request) -> web.Response:
        return web.json_response({"id_token": self.token, "token_type": "Bearer"})

    async def show_keys(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": self.keys})


@pytest.fixture
async def provider(aiohttp_server: AiohttpServer) -> Provider:
    provider, app = Provider(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider.discover)
    app.router.add_post("/token", provider.redeem)
    app.router.add_get("/keys", provider.show_keys)
    server = await aiohttp_server(app)
    provider.issuer = str(server.make_url("/").origin())
    return provider


@pytest.fixture
async def sign_on(provider: Provider) -> AsyncIterator[SignOn]:
    http = HttpClient(timeout_s=30)
    await http.open()
    yield SignOn(
        issuer=provider.issuer,
        client_id="bridge",
        client_secret=SECRET,
        newcomers_are_viewers=False,
        http=http,
    )
    await http.close()


async def nonce_of(sign_on: SignOn) -> str:
    """The nonce that this browser's sign-on asked with."""
    return dict(part.split("=") for part in (await sign_on.address(KEY, BACK)).split("&"))["nonce"]


async def good_claims(sign_on: SignOn) -> Claims:
    now = int(time.time())
    return {
        "iss": sign_on.issuer,
        "aud": "bridge",
        "sub": "robin-1",
        "exp": now + 300,
        "iat": now,
        "nonce": await nonce_of(sign_on),
        "email": "robin@acme.example",
        "email_verified": True,
    }


def signed(claims: Claims) -> str:
    return jwt.encode(claims, OURS, algorithm="RS256", headers={"kid": "one"})


async def test_a_good_token_proves_who_came(provider: Provider, sign_on: SignOn) -> None:
    provider.token = signed(await good_claims(sign_on))

    person = await sign_on.redeem(KEY, "code", BACK)

    assert (person.subject, person.email) == ("robin-1", "robin@acme.example")


HOUR: Final = 3600
WRONG_CLAIMS: Final[dict[str, Callable[[Claims], Claims]]] = {
    "another issuer": lambda one: {**one, "iss": "https://elsewhere.example"},
    "an issuer that begins like ours": lambda one: {**one, "iss": one["iss"] + ".elsewhere"},
    "no issuer": lambda one: without(one, "iss"),
    "another audience": lambda one: {**one, "aud": "another-client"},
    "no audience": lambda one: without(one, "aud"),
    "several audiences and nobody named": lambda one: {**one, "aud": ["bridge", "other"]},
    "made for another client": lambda one: {**one, "azp": "other"},
    "several audiences, made for another": lambda one: {
        **one,
        "aud": ["bridge", "other"],
        "azp": "other",
    },
    "the nonce of another browser": lambda one: {**one, "nonce": state_of("another")},
    "no nonce": lambda one: without(one, "nonce"),
    "an empty nonce": lambda one: {**one, "nonce": ""},
    "a nonce that is no text": lambda one: {**one, "nonce": [one["nonce"]]},
    "expired": lambda one: {**one, "exp": one["iat"] - HOUR, "iat": one["iat"] - 2 * HOUR},
    "without an end": lambda one: without(one, "exp"),
    "made in the future": lambda one: {**one, "iat": one["iat"] + HOUR, "exp": one["exp"] + HOUR},
    "without a beginning": lambda one: without(one, "iat"),
    "not to be used yet": lambda one: {**one, "nbf": one["iat"] + HOUR},
    "nobody": lambda one: without(one, "sub"),
    "an empty subject": lambda one: {**one, "sub": ""},
    "a subject without end": lambda one: {**one, "sub": "x" * 300},
    "a subject that is no text": lambda one: {**one, "sub": 1},
}


def without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize("wrong", WRONG_CLAIMS)
async def test_a_token_with_a_wrong_claim_proves_nothing(
    provider: Provider, sign_on: SignOn, wrong: str
) -> None:
    provider.token = signed(WRONG_CLAIMS[wrong](await good_claims(sign_on)))

    with pytest.raises(NotSignedOn):
        await sign_on.redeem(KEY, "code", BACK)


def public_pem() -> bytes:
    return OURS.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def by_hand(claims: Claims, key: bytes) -> str:
    """Signed with HMAC under any key: the library itself refuses a public one."""
    signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    head, body = (
        jwt.utils.base64url_encode(json.dumps(part).encode())
        for part in ({"alg": "HS256", "typ": "JWT", "kid": "one"}, claims)
    )
    signature = jwt.utils.base64url_encode(signer.sign(head + b"." + body, key))
    return b".".join((head, body, signature)).decode()


def altered(token: str) -> str:
    """Another subject under the old signature."""
    head, body, signature = token.split(".")
    claims = json.loads(jwt.utils.base64url_decode(body))
    mine = jwt.utils.base64url_encode(json.dumps({**claims, "sub": "boss"}).encode()).decode()
    return f"{head}.{mine}.{signature}"


FORGED: Final[dict[str, Callable[[Claims], str]]] = {
    "not signed": lambda claims: jwt.encode(claims, "", algorithm="none"),
    "not signed, with our key's name": lambda claims: jwt.encode(
        claims, "", algorithm="none", headers={"kid": "one"}
    ),
    "signed with our own secret": lambda claims: by_hand(claims, SECRET.encode()),
    "signed with the public key as a secret": lambda claims: by_hand(claims, public_pem()),
    "signed by somebody else": lambda claims: jwt.encode(
        claims, THEIRS, algorithm="RS256", headers={"kid": "one"}
    ),
    "signed by a key that nobody knows": lambda claims: jwt.encode(
        claims, THEIRS, algorithm="RS256", headers={"kid": "two"}
    ),
    "signed by the key that it brings along": lambda claims: jwt.encode(
        claims, THEIRS, algorithm="RS256", headers={"jwk": public_of(THEIRS)}
    ),
    "altered": lambda claims: altered(signed(claims)),
    "with its signature cut off": lambda claims: signed(claims).rpartition(".")[0] + ".",
    "without a signature": lambda claims: signed(claims).rpartition(".")[0],
    "nothing": lambda _: "",
    "no token at all": lambda _: "hello",
}


@pytest.mark.parametrize("forged", FORGED)
async def test_a_forged_token_proves_nothing(
    provider: Provider, sign_on: SignOn, forged: str
) -> None:
    provider.token = FORGED[forged](await good_claims(sign_on))

    with pytest.raises(NotSignedOn):
        await sign_on.redeem(KEY, "code", BACK)


async def test_a_good_token_of_one_browser_proves_nothing_in_another(
    provider: Provider, sign_on: SignOn
) -> None:
    provider.token = signed(await good_claims(sign_on))

    with pytest.raises(NotSignedOn, match="nonce"):
        await sign_on.redeem("the cookie of another", "code", BACK)


@pytest.mark.parametrize("keys", [[], [public_of(OURS, "x"), public_of(THEIRS, "y")]])
async def test_a_token_that_names_no_key_needs_a_single_one(
    provider: Provider, sign_on: SignOn, keys: list[Claims]
) -> None:
    provider.token = jwt.encode(await good_claims(sign_on), OURS, algorithm="RS256")
    provider.keys = keys

    with pytest.raises(NotSignedOn):
        await sign_on.redeem(KEY, "code", BACK)


@pytest.mark.parametrize(
    "discovered",
    [
        {"issuer": "https://elsewhere.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"jwks_uri": "http://elsewhere.example/keys"},
        {"jwks_uri": None},
    ],
    ids=str,
)
async def test_a_provider_that_leads_elsewhere_is_not_followed(
    provider: Provider, sign_on: SignOn, discovered: Claims
) -> None:
    provider.token = signed(await good_claims(sign_on))
    provider.discovered = discovered

    with pytest.raises(NotSignedOn):
        await sign_on.redeem(KEY, "code", BACK)
