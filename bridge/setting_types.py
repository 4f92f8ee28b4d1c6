"""Kinds of values that settings have, each checked as far as it can be without calling anybody."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr

from bridge.addresses import check_api_url, check_near_url

TOKEN: Final = "printable characters without blanks, and not dots alone"  # noqa: S105 - no token
API_URL: Final = "an https address (plain http only to this machine itself)"
NEAR_URL: Final = (
    "an https address (plain http only to this machine, a private address or a name without dots)"
)


def check_written(secret: SecretStr) -> SecretStr:
    """A secret that is not an example's dots. Raises ValueError."""
    if re.fullmatch(r"[.…]+", secret.get_secret_value()):
        raise ValueError
    return secret


def check_header_safe(secret: SecretStr) -> SecretStr:
    """A secret that can stand in a header. Raises ValueError."""
    if not re.fullmatch(r"[\x21-\x7e]+", secret.get_secret_value()):
        raise ValueError
    return check_written(secret)


def check_rotation(secret: SecretStr) -> SecretStr:
    """One secret, or two with a comma between them. Raises ValueError."""
    tokens = split_tokens(secret)
    if not 1 <= len(tokens) <= 2 or not all(re.fullmatch(r"[\x21-\x7e]+", one) for one in tokens):
        raise ValueError
    return check_written(secret)


def split_tokens(secret: SecretStr) -> tuple[str, ...]:
    """The secrets of a setting that may hold two."""
    return tuple(token.strip() for token in secret.get_secret_value().split(","))


ApiUrl = Annotated[str, AfterValidator(check_api_url)]
NearUrl = Annotated[str, AfterValidator(check_near_url)]
Secret = Annotated[SecretStr, AfterValidator(check_written)]
Token = Annotated[SecretStr, AfterValidator(check_header_safe)]
RotatedToken = Annotated[SecretStr, AfterValidator(check_rotation)]
