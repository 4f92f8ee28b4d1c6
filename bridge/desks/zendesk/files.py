"""Where Zendesk keeps the files of comments, and what it wants to see for them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# Strict, so that no two URL parsers can disagree about the host.
_PLAIN_URL = re.compile(
    r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?"
    r"(?:[/?][A-Za-z0-9._~:/?!$&'()*+,;=@%-]*)?"
)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
# An attachment's own address leads to one of these by redirect.
_STORAGE = (".zendesk.com", ".zdusercontent.com", ".zdassets.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZendeskFiles:
    """Zendesk's hosts; the account's credentials are for its own one alone, and for its files."""

    base_url: str
    authorization: str = field(repr=False)

    @property
    def is_near(self) -> bool:
        """Whether the account is on this machine: only then may its files be."""
        return urlsplit(self.base_url).hostname in _LOOPBACK

    def allows(self, url: str) -> bool:
        """Whether a file may be fetched from here: https, at the account or Zendesk's storage."""
        if _PLAIN_URL.fullmatch(url) is None:
            return False
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if self.is_near:
            return host in _LOOPBACK
        if parts.scheme != "https" or parts.netloc != (parts.hostname or ""):
            return False
        return self._is_own(url) or host.endswith(_STORAGE)

    def headers(self, url: str) -> Sequence[Mapping[str, str]]:
        """Headers for fetching a file, to be tried in order while the answer is 401."""
        if self.allows(url) and self._is_own(url) and not _is_api(url):
            return [{"authorization": self.authorization}, {}]
        return [{}]

    def _is_own(self, url: str) -> bool:
        own, asked = urlsplit(self.base_url), urlsplit(url)
        return (own.scheme, own.netloc.lower()) == (asked.scheme, asked.netloc.lower())


def _is_api(url: str) -> bool:
    # What is fetched is shown to a customer: never what the API itself would tell us.
    path = urlsplit(url).path.lower()
    return path.startswith("/api") or "%" in path or "/." in path or "//" in path
