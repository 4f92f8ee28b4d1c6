"""Addresses under which one file can be had for a while, by whoever was given them.

Everything in the address is signed: its file, its end, and the name that the file is given. There
is nothing to guess and nothing to list.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

_UNNAMED = "file"
_LONGEST_NAME = 20  # characters, with the ending: Twilio shows no more
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The parts of an address: `ends_at_s` is UTC seconds, as text; `signature` base64url."""

    file_id: str
    ends_at_s: str
    signature: str
    name: str

    @property
    def path(self) -> str:
        """The address without the host."""
        return f"/media/{self.file_id}/{self.ends_at_s}/{self.signature}/{self.name}"

    @property
    def ends_at_ms(self) -> int:
        """When it ends."""
        return int(self.ends_at_s) * 1000


def sign(key: bytes, *, file_id: str, ends_at_ms: int, name: str) -> Signed:
    """The address of a file until then."""
    ends_at_s = str(ends_at_ms // 1000)
    return Signed(
        file_id=file_id,
        ends_at_s=ends_at_s,
        signature=_signature(key, file_id, ends_at_s, name),
        name=name,
    )


def is_ours(key: bytes, address: Signed) -> bool:
    """Whether we have made this address; its end is another question."""
    if _SECONDS.fullmatch(address.ends_at_s) is None:
        return False
    expected = _signature(key, address.file_id, address.ends_at_s, address.name)
    given = address.signature.encode("utf-8", "surrogateescape")
    return hmac.compare_digest(expected.encode(), given)


def plain_name(name: str, ending: str) -> str:
    """A file's name for an address: letters and digits of ASCII, and the ending that it should
    have."""
    stem = name.rpartition(".")[0] or name
    plain = re.sub(r"[^A-Za-z0-9]+", "-", stem)[: _LONGEST_NAME - len(ending) - 1].strip("-")
    return f"{plain or _UNNAMED}.{ending}"


def _signature(key: bytes, *parts: str) -> str:
    # No part holds a line break that the path could carry, so no two addresses are signed alike.
    signed = "\n".join(parts).encode("utf-8", "surrogateescape")
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
