"""What is kept sealed in the database, and the keys that come from BRIDGE_SECRET_KEY."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.errors import UserMistake

_SEALING: Final = "sealed settings"


def derive_key(secret_key: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869): no key serves two."""
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"bridge {purpose}".encode())
    return derivation.derive(secret_key.encode())


def new_token() -> str:
    """A secret of 256 bits that fits into a cookie or an address."""
    return secrets.token_urlsafe(32)


def fingerprint(token: str) -> str:
    """What is kept of a token of ours: it can be known again, not made from this."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def seal(text: str, secret_key: str) -> str:
    """Encrypt and authenticate a text, for a column of the database."""
    return _fernet(secret_key).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str, secret_key: str) -> str:
    """Open what `seal` made. Raises UserMistake where the key is another one."""
    try:
        return _fernet(secret_key).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise UserMistake(
            "BRIDGE_SECRET_KEY: not the one that the stored secrets were sealed with; "
            "set the old one again, or run `bridge zendesk setup` to store them anew"
        ) from error


def _fernet(secret_key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(derive_key(secret_key, _SEALING)))
