"""A carrier's error codes as data, and what an answer that is not a success means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bridge.errors import CredentialsRefused, FarSideError, OutcomeUnknown, Refused, TryLater
from bridge.http import Answer, CallFailed

LONGEST_PAUSE_S = 3600.0

Trouble = Literal[
    "account",  # the whole account: credentials, suspension
    "configuration",  # an admin has to change something at the carrier or here
    "later",  # not now
    "opted_out",
    "landline",
    "permanent",
]

CHECK_NUMBER = "Check the number with the customer by another channel."
OTHER_CHANNEL = "Reach the customer by another channel."
TELL_ADMIN = "Tell your SMS admin."


@dataclass(frozen=True, slots=True)
class CarrierError:
    """One code: its kind, and words for an agent that end in what to do."""

    trouble: Trouble
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTable:
    """What a carrier's codes mean. A code that is not here is permanent: repeating it blindly
    helps nobody. `page` is where the carrier explains a code, with {} in its place."""

    carrier: str
    title: str
    codes: Mapping[str, CarrierError]
    page: str = ""

    def explain(self, code: str) -> str:
        """The code in words, for an agent: what happened and what to do."""
        known = self.codes.get(code)
        if known is not None:
            return known.words
        if code and not code.startswith("HTTP "):
            where = f", explained at {self.page.format(code)}" if self.page else ""
            return f"{self.title} gave error {code}{where}. {TELL_ADMIN}"
        return f"{self.title} refused the text without saying why. {TELL_ADMIN}"

    def trouble_of(self, code: str) -> Trouble:
        """The kind of trouble that this code means."""
        known = self.codes.get(code)
        return known.trouble if known is not None else "permanent"

    def is_opted_out(self, code: str) -> bool:
        """Whether this code means that the customer has opted out at the carrier."""
        return self.trouble_of(code) == "opted_out"

    def is_landline(self, code: str) -> bool:
        """Whether this code means a number that can't receive texts."""
        return self.trouble_of(code) == "landline"

    def refusal(self, code: str, *, pause_s: float | None = None) -> FarSideError:
        """What a code means that says: certainly not sent."""
        words = self.explain(code)
        match self.trouble_of(code):
            case "account":
                return CredentialsRefused(self.carrier, words, code=code)
            case "later":
                return TryLater(self.carrier, words, pause_s=pause_s)
            case _:
                return Refused(self.carrier, words, code=code)

    def failure(self, answer: Answer, code: str, *, sending: bool) -> FarSideError:
        """What an answer that is not a success means. For a read nothing is ever unknown."""
        status = answer.status
        if status == 429:
            words = f"{self.title} takes no more requests at the moment. It is tried again."
            return TryLater(self.carrier, words, pause_s=pause_of(answer))
        if code in self.codes and 400 <= status < 500:
            return self.refusal(code, pause_s=pause_of(answer))
        if status >= 500 or status < 400 or status == 408:
            words = f"{self.title} gave an answer that says nothing (HTTP {status})."
            return self.unknown(words) if sending else TryLater(self.carrier, words)
        if status in {401, 403}:
            words = f"{self.title} refused the credentials. Texts wait until they are set right."
            return CredentialsRefused(self.carrier, words, code=code or str(status))
        return Refused(self.carrier, self.explain(code), code=code or f"HTTP {status}")

    def no_answer(self, failed: CallFailed, *, sending: bool) -> FarSideError:
        """What a call without an answer means."""
        if sending and failed.sent:
            return self.unknown(f"{self.title} did not answer: {failed.words}.")
        return TryLater(self.carrier, f"{self.title} can't be reached: {failed.words}.")

    def unknown(self, words: str) -> OutcomeUnknown:
        """A send whose outcome is not known."""
        return OutcomeUnknown(self.carrier, words)


def pause_of(answer: Answer) -> float | None:
    """The seconds that Retry-After asks for, None where it says nothing of use."""
    try:
        pause = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(pause, LONGEST_PAUSE_S) if math.isfinite(pause) and pause >= 0 else None


def as_object(answer: Answer) -> Mapping[str, object]:
    """The answer's JSON object, empty where it is anything else."""
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
