"""Where a carrier keeps the pictures and files of texts, and what it wants to see for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

# Strict, so that no two URL parsers can disagree about the host.
_PLAIN_URL = re.compile(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
    r"(?:[/?][A-Za-z0-9._~:/?!$&'()*+,;=@%-]*)?"
)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _none() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSource:
    """The API's address, the hosts beside it, and the logins that the API's own host wants.

    `logins` are Authorization headers, to be tried in turn.
    """

    api_url: str
    hosts: frozenset[str] = frozenset()
    logins: Callable[[], Sequence[str]] = _none

    @property
    def is_near(self) -> bool:
        """Whether the API is on this machine: only then may its files be."""
        return _place(self.api_url)[1] in _LOOPBACK

    def allows(self, url: str) -> bool:
        """Whether a file may be fetched from this address (a webhook's, or a redirect's).

        The carrier's media hosts and the configured API host, over https; plain http on loopback
        only, and only where the API itself is there.
        """
        if _PLAIN_URL.fullmatch(url) is None:
            return False
        scheme, host, port = _place(url)
        _, api_host, api_port = _place(self.api_url)
        if host in _LOOPBACK:
            return host == api_host
        if scheme != "https":
            return False
        return (host == api_host and port == api_port) or (host in self.hosts and port == 443)

    def headers(self, url: str) -> Sequence[Mapping[str, str]]:
        """Headers for fetching a file, to be tried in order while the answer is 401.

        Credentials are for the API's own host; every other place, a redirect's too, gets none.
        """
        logins = self.logins()
        if logins and self.allows(url) and _place(url) == _place(self.api_url):
            return [{"authorization": login} for login in logins]
        return [{}]


def _place(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    default = 443 if parts.scheme == "https" else 80
    return parts.scheme, (parts.hostname or "").lower(), default if port is None else port
