"""Addresses that an operator sets, checked as far as they can be without calling anybody."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import unquote

from yarl import URL

POSTGRES: Final = "postgresql://"
MUST_EXIST: Final = "?mode=rw"  # as in SQLite's own addresses: never make the file


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _read_address(text: str) -> URL:
    try:
        url = URL(text)
        _ = url.port  # read only when asked for: "https://acme:x" is found out here
    except ValueError:
        raise ValueError from None
    plain = not (url.user or url.password or url.query_string or url.fragment)
    if url.scheme not in {"http", "https"} or not url.host or not plain:
        raise ValueError
    return url


def check_public_url(text: str) -> str:
    """An http(s) address, without a slash at its end. Raises ValueError."""
    return str(_read_address(text)).rstrip("/")


def check_api_url(text: str) -> str:
    """An https address; plain http to this machine only. Raises ValueError."""
    url = _read_address(text)
    if url.scheme == "http" and not _is_loopback(url.host or ""):
        raise ValueError
    return str(url).rstrip("/")


def check_near_url(text: str) -> str:
    """An https address; plain http to this machine and its private network only. Raises ValueError.

    A name without dots is a container's, or one of the machine's own list.
    """
    url = _read_address(text)
    host = url.host or ""
    if url.scheme == "http" and not (_is_private(host) or "." not in host):
        raise ValueError
    return str(url).rstrip("/")


def check_origin(text: str) -> str:
    """An address like check_api_url's without a path. Raises ValueError."""
    url = _read_address(text)
    if url.path not in {"", "/"}:
        raise ValueError
    return check_api_url(text)


def check_database_url(text: str) -> str:
    """Where everything is kept: a SQLite file or a PostgreSQL server. Raises ValueError."""
    if re.fullmatch(rf"{POSTGRES}[\x21-\x7e]+", text):
        return text  # the driver, which knows its many forms, reads the rest
    scheme, separator, path = text.removesuffix(MUST_EXIST).partition(":///")
    if scheme != "sqlite" or not separator or not path or path.startswith(":") or "?" in path:
        raise ValueError
    return text


def passwords_in(url: str) -> list[str]:
    """A database URL's password, as written and as meant."""
    found = re.findall(r"//[^:@/?]*:([^@/?]+)@|[?&]password=([^&]+)", url)
    written = [one or other for one, other in found]
    return [*written, *map(unquote, written)]
