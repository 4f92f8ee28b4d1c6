"""Every error the bridge raises on purpose, as one small tree.

::

    BridgeError
    ├── UserMistake            an operator's mistake: one line, exit code 2
    ├── BadRequest             a caller's mistake: 400, names the field
    ├── Forged                 signature missing or wrong: 403, nothing is stored
    ├── NotDurable             the database can't keep a promise now: 503
    └── FarSideError           a call to Zendesk or a carrier did not end in "done"
        ├── TryLater           certainly not applied; may be repeated after a pause
        ├── Refused            certainly not applied; repeating it will not help
        │   └── CredentialsRefused   the account, not this message: everything waits
        └── OutcomeUnknown     may or may not have been applied: look before repeating

A call out ends in one of four ways: a return value (done), TryLater, Refused or
OutcomeUnknown. The message of each is the sentence a person will read.
"""

from __future__ import annotations


class BridgeError(Exception):
    """Root of the tree."""


class UserMistake(BridgeError):
    """The operator asked for something that can't be; the text says what and how to mend it."""


class BadRequest(BridgeError):
    """Input that can't be accepted.

    `field` is the name the caller used, `expected` what it should have held.
    """

    def __init__(self, field: str, expected: str) -> None:
        super().__init__(f"{field}: {expected}")
        self.field = field
        self.expected = expected


class Forged(BridgeError):
    """A webhook whose signature is missing, wrong or stale.

    `reason` is for the log and `doctor`; the caller learns only 403.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotDurable(BridgeError):
    """Storing failed (disk full, database away or locked), so nothing may be acknowledged."""


class FarSideError(BridgeError):
    """A call that did not end in "done". `far_side` is "zendesk" or a carrier's name."""

    def __init__(self, far_side: str, words: str) -> None:
        super().__init__(words)
        self.far_side = far_side
        self.words = words


class TryLater(FarSideError):
    """Not applied; repeat after a pause.

    `pause_s` is what the far side asked for (Retry-After), None where it said nothing.
    `whole_account` is true when every call to this account must wait, not only this one.
    """

    def __init__(
        self,
        far_side: str,
        words: str,
        *,
        pause_s: float | None = None,
        whole_account: bool = False,
    ) -> None:
        super().__init__(far_side, words)
        self.pause_s = pause_s
        self.whole_account = whole_account


class Refused(FarSideError):
    """Refused for good. `code` is the far side's own code, as text ("21610", "RecordInvalid")."""

    def __init__(self, far_side: str, words: str, *, code: str) -> None:
        super().__init__(far_side, words)
        self.code = code


class CredentialsRefused(Refused):
    """401 or 403: the account's credentials, not this message. The account is paused."""


class OutcomeUnknown(FarSideError):
    """The request left and no usable answer came back: time-out, cut, 5xx, nonsense.

    `pause_s` is what the far side asked for (Retry-After), None where it said nothing.
    """

    def __init__(self, far_side: str, words: str, *, pause_s: float | None = None) -> None:
        super().__init__(far_side, words)
        self.pause_s = pause_s
