"""X-Twilio-Signature, from Twilio's "webhooks security" page (reference: carriers, 3.4)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def sign(url: str, pairs: Iterable[tuple[str, str]], auth_token: str) -> str:
    """Sign the URL (no fragment) and, for a form POST, its parameters.

    Names in the order of their code points, each followed by its distinct values in order;
    empty values take part; no separators.
    """
    values: dict[str, set[str]] = {}
    for name, value in pairs:
        values.setdefault(name, set()).add(value)
    text = url + "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
