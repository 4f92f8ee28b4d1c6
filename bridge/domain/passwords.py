"""Which passwords are taken: long ones, as nothing else stands between a guesser and the console.

By OWASP ASVS 5.0, 6.2: 15 characters or more, of any kind, no rules about which.
"""

from __future__ import annotations

from typing import Final

SHORTEST: Final = 15
LONGEST: Final = 256
_FEWEST_DIFFERENT: Final = 5


def why_weak(password: str, name: str) -> str | None:
    """Why this can't be the password of that user, None where it can."""
    if len(password) < SHORTEST:
        return f"must have {SHORTEST} characters or more; a few words in a row do well"
    if len(password) > LONGEST:
        return f"must have at most {LONGEST} characters"
    if len(set(password.casefold())) < _FEWEST_DIFFERENT:
        return "is the same few characters over and over"
    if name and password.casefold().replace(name.casefold(), "").strip() == "":
        return "is the user's name"
    return None
