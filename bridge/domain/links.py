"""How a link is written where nothing can be clicked but an address."""

from __future__ import annotations

import re
from urllib.parse import unquote

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_PREFIX = re.compile(r"(?:https?://)?(?:www\.)?", re.IGNORECASE)
# The agents' own interface: a customer can't open it.
_AGENTS_ONLY = re.compile(r"https?://[^/]+\.zendesk\.com/agent(?:/|$)", re.IGNORECASE)
_ADDRESSES = frozenset({"mailto", "tel", "sms"})
_ELLIPSIS = re.compile(r"(?:\u2026|\.\.\.)$")


def shown_link(label: str, href: str) -> str:
    """Return a link as text: "label (address)", one of the two where they say the same.

    Addresses nobody outside can use (relative, `javascript:`, the desk's own pages) are left out.
    """
    address = _address(href)
    if not address or not label:
        return label or address
    if _is_start_of(label, address):
        return address
    if _same(label, address):
        # As it was typed, where a phone will make a link of that: else in full.
        return label if not _SCHEME.match(address) or _SCHEME.match(label) else address
    if address.casefold() in label.casefold():
        return label
    return f"{label} ({address})"


def _address(href: str) -> str:
    """Return what to write for `href`: a URL, a mail address or number, or nothing."""
    href = "".join(href.split())
    if href.startswith("//"):
        href = f"https:{href}"
    scheme = _SCHEME.match(href)
    if scheme is None:
        return href if href.casefold().startswith("www.") else ""
    name = scheme[1].casefold()
    if name in _ADDRESSES:
        return unquote(href[scheme.end() :].partition("?")[0])
    return href if name in {"http", "https"} and not _AGENTS_ONLY.match(href) else ""


def _same(label: str, address: str) -> bool:
    said, meant = _bare(label), _bare(address)
    if said == meant:
        return True
    digits = re.sub(r"\D", "", meant)
    return (
        len(digits) > 2
        and re.fullmatch(r"[+\d\s().\-/]+", label) is not None
        and re.fullmatch(r"[+\d\s().\-]+", address) is not None
        and digits.endswith(re.sub(r"\D", "", said).lstrip("0"))
    )


def _is_start_of(label: str, address: str) -> bool:
    """Whether the label is the address cut short: "https://a.exam..."."""
    start, cuts = _ELLIPSIS.subn("", _bare(label))
    return bool(cuts and start) and _bare(address).startswith(start)


def _bare(text: str) -> str:
    return unquote(_PREFIX.sub("", text.strip(), count=1)).rstrip("/").casefold()
