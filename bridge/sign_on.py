"""Sign-on by OpenID Connect: authorization code with PKCE, and what an ID token must prove.

OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3; Discovery 1.0, section 4; RFC 7636.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from bridge.errors import BridgeError
from bridge.http import CallFailed, HttpClient
from bridge.secrets import fingerprint

# Signed with a key of the provider's own: never "none", nor one that our secret could make.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
ALGORITHMS_ON_CURVES: Final = ("ES256", "ES384", "ES512", "EdDSA")
LEEWAY_S: Final = 60
SCOPES: Final = "openid email profile"
LONGEST_SUBJECT: Final = 255  # section 2


class NotSignedOn(BridgeError):
    """The provider's answers don't prove who this is; says why, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the provider says it is. `email` is None unless the provider has verified it."""

    issuer: str
    subject: str
    email: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOn:
    """A provider, and what we are to it. `issuer` has no slash at its end.

    Each sign-on is bound to a browser by a `key` that only its cookie holds: state, nonce and
    verifier are all made from it, so none of them is of use in another browser.
    """

    issuer: str
    client_id: str
    client_secret: str
    newcomers_are_viewers: bool
    http: HttpClient

    async def address(self, key: str, redirect_uri: str) -> str:
        """Where to send the browser. Raises NotSignedOn."""
        where = _endpoint(await self._discover(), "authorization_endpoint", self.issuer)
        digest = hashlib.sha256(_verifier(key).encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": redirect_uri,
            "scope": SCOPES,
            "state": state_of(key),
            "nonce": _nonce(key),
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}"

    async def redeem(self, key: str, code: str, redirect_uri: str) -> Identity:
        """Who came back with this code. Raises NotSignedOn."""
        found = await self._discover()
        where = _endpoint(found, "token_endpoint", self.issuer)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": _verifier(key),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if _takes_basic(found):
            pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self.client_id, "client_secret": self.client_secret}
        answer = await self._ask("POST", where, headers=headers, body=urlencode(form).encode())
        keys = await self._ask("GET", _endpoint(found, "jwks_uri", self.issuer))
        claims = _proven(str(answer.get("id_token", "")), keys, found, self.client_id)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), _nonce(key).encode()):
            raise NotSignedOn("the nonce is not this browser's")
        return _identity(claims, self.issuer)

    async def _discover(self) -> Mapping[str, Any]:
        found = await self._ask("GET", f"{self.issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self.issuer:
            raise NotSignedOn("the provider calls itself by another issuer")
        return found

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Mapping[str, Any]:
        try:
            answer = await self.http.call(method, url, headers=headers, body=body)
            found = answer.json() if answer.status == 200 else None
        except (CallFailed, ValueError) as error:
            raise NotSignedOn("the provider gave no usable answer") from error
        if not isinstance(found, dict):
            raise NotSignedOn(f"the provider answered with {answer.status}")
        return found


def state_of(key: str) -> str:
    """What comes back with the code, and proves that this browser asked for it."""
    return fingerprint(f"state {key}")


def _nonce(key: str) -> str:
    return fingerprint(f"nonce {key}")


def _verifier(key: str) -> str:
    return fingerprint(f"verifier {key}")


def _endpoint(found: Mapping[str, Any], name: str, issuer: str) -> str:
    url = found.get(name)
    # A provider on this machine, without TLS, may only name others like itself.
    if not isinstance(url, str) or not url.startswith(("https://", f"{issuer}/")):
        raise NotSignedOn(f"the provider names no safe {name}")
    return url


def _takes_basic(found: Mapping[str, Any]) -> bool:
    known = found.get("token_endpoint_auth_methods_supported")
    return not isinstance(known, list) or "client_secret_basic" in known


def _proven(
    token: str, keys: Mapping[str, Any], found: Mapping[str, Any], client_id: str
) -> Mapping[str, Any]:
    import jwt  # noqa: PLC0415 - 9 MB with what it needs: only where sign-on is set up

    try:
        wanted = jwt.get_unverified_header(token).get("kid")
        known = jwt.PyJWKSet.from_dict(dict(keys)).keys
        fitting = [one for one in known if wanted is None or one.key_id in {None, wanted}]
        if len(fitting) != 1:
            raise NotSignedOn("no single key of the provider's fits the ID token")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            fitting[0],
            algorithms=[*ALGORITHMS, *ALGORITHMS_ON_CURVES],
            audience=client_id,
            issuer=str(found["issuer"]),
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise NotSignedOn(f"the ID token does not hold: {type(error).__name__}") from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else client_id) != client_id:
        raise NotSignedOn("the ID token was made for another client")
    return claims


def _identity(claims: Mapping[str, Any], issuer: str) -> Identity:
    subject, email = str(claims["sub"]), claims.get("email")
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        raise NotSignedOn("the ID token names nobody")
    is_proven = claims.get("email_verified") is True and isinstance(email, str) and "@" in email
    return Identity(issuer=issuer, subject=subject, email=str(email) if is_proven else None)
