"""What is kept sealed in the database, and the keys that come from BRIDGE_SECRET_KEY."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

from bridge.errors import UserMistake

_SEALING: Final = "sealed settings"


def derive_key(secret_key: str, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869): no key serves two."""
    extracted = hmac.digest(bytes(hashlib.sha256().digest_size), secret_key.encode(), "sha256")
    # As long as the hash: its first block is the whole key.
    return hmac.digest(extracted, f"bridge {purpose}".encode() + b"\x01", "sha256")


def new_token() -> str:
    """A secret of 256 bits that fits into a cookie or an address."""
    return secrets.token_urlsafe(32)


def fingerprint(token: str) -> str:
    """What is kept of a token of ours: it can be known again, not made from this."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def seal(text: str, secret_key: str) -> str:
    """Encrypt and authenticate a text, for a column of the database."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - 7 MB: only where one is sealed

    return Fernet(_sealing_key(secret_key)).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str, secret_key: str) -> str:
    """Open what `seal` made. Raises UserMistake where the key is another one."""
    from cryptography.fernet import Fernet, InvalidToken  # noqa: PLC0415 - see above

    try:
        return Fernet(_sealing_key(secret_key)).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise UserMistake(
            "BRIDGE_SECRET_KEY: not the one that the stored secrets were sealed with; "
            "set the old one again, or run `bridge zendesk setup` to store them anew"
        ) from error


def _sealing_key(secret_key: str) -> bytes:
    return base64.urlsafe_b64encode(derive_key(secret_key, _SEALING))
