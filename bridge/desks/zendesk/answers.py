"""What an answer of Zendesk's means: one of the four outcomes of `bridge/errors.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bridge.desks.contract import TicketBusy
from bridge.desks.zendesk.records import Malformed, Record
from bridge.errors import (
    CredentialsRefused,
    FarSideError,
    OutcomeUnknown,
    Refused,
    TryLater,
)
from bridge.http import Answer, CallFailed

FAR_SIDE = "zendesk"
LONGEST_PAUSE_S = 86_400.0  # no documented limit of Zendesk's lasts longer than an hour
POOL_WINDOW_S = 60.0  # the account's pool is so many calls a minute
LONGEST_WORDS = 300

# Conflicts that pass by themselves: a collision in Zendesk's database, or the first request
# with this idempotency key still running.
_PASSING_CONFLICTS = ("DatabaseConflict", "Deadlock", "Idempoten")
_EMAIL = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+")
_PHONE = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_SCOPES = re.compile(r"required scopes?:\s*([\w:, ]+)", re.IGNORECASE)
_REMAINING = re.compile(r"\bremaining\s*=\s*(-?[0-9]{1,9})\b")
_RESETS = re.compile(r"\bresets\s*=\s*([0-9]{1,9})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One complaint about one field of a request."""

    field: str
    code: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error body, whatever its shape was. Empty texts where it said nothing."""

    code: str = ""
    words: str = ""
    details: tuple[Detail, ...] = ()


class ZendeskRefused(Refused):
    """A 4xx. `status` and `details` are there for whoever knows what was asked."""

    def __init__(self, words: str, *, code: str, status: int, details: tuple[Detail, ...]) -> None:
        super().__init__(FAR_SIDE, words, code=code)
        self.status = status
        self.details = details

    def says(self, code: str, phrase: str) -> bool:
        """Tell whether any complaint has this code or holds this phrase."""
        return any(detail.code == code or phrase in detail.words.lower() for detail in self.details)


def read_problem(answer: Answer) -> Problem:
    """Read an error body. Never raises: bodies may be empty, HTML or of several JSON shapes."""
    try:
        body = answer.json()
    except ValueError:
        return Problem()
    if not isinstance(body, dict):
        return Problem()
    error = body.get("error")
    if isinstance(error, dict):
        return Problem(code=_text(error.get("title")), words=discreet(_text(error.get("message"))))
    errors = body.get("errors")
    if error is None and isinstance(errors, list) and errors and isinstance(errors[0], dict):
        first = errors[0]
        words = _text(first.get("detail")) or _text(first.get("title"))
        return Problem(code=_text(first.get("code")), words=discreet(words))
    words = _text(body.get("description")) or _text(body.get("message"))
    details = body.get("details")
    return Problem(
        code=_text(error),
        words=discreet(words),
        details=tuple(_read_details(details)) if isinstance(details, dict) else (),
    )


def _read_details(details: Mapping[str, object]) -> Iterator[Detail]:
    for field, complaints in details.items():
        for complaint in complaints if isinstance(complaints, list) else [complaints]:
            if isinstance(complaint, dict):
                words = _text(complaint.get("description"))
                yield Detail(field=field, code=_text(complaint.get("error")), words=discreet(words))
            elif isinstance(complaint, str):
                yield Detail(field=field, code="", words=discreet(complaint))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def discreet(words: str) -> str:
    """Zendesk's words without e-mail addresses and phone numbers: they end up in logs."""
    plain = " ".join(words.split())
    plain = _PHONE.sub("(number)", _EMAIL.sub("(e-mail)", plain))
    return plain if len(plain) <= LONGEST_WORDS else plain[: LONGEST_WORDS - 1] + "…"


def retry_after(value: str | None, *, now_ms: int) -> float | None:
    """Seconds to wait by a Retry-After header: seconds or an HTTP date (RFC 9110, 10.2.3).

    None where it says nothing usable; never negative, never over a day.
    """
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        return min(float(text), LONGEST_PAUSE_S)
    try:
        moment = parsedate_to_datetime(text)
        # The date's zone is always GMT; "-0000" makes Python return a naive time.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = moment.timestamp() - now_ms / 1000
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(max(seconds, 0.0), LONGEST_PAUSE_S)


def limits_whole_account(
    headers: Mapping[str, str], pause_s: float | None, *, update: bool
) -> bool:
    """Whether a 429 means that every call must wait.

    1. An endpoint's own limit (`zendesk-ratelimit-NAME: total=; remaining=; resets=`) is used up:
       only this call waits.
    2. Else the account's pool (`x-rate-limit-remaining`, `ratelimit-remaining`) decides: empty -
       all wait; calls are left in it - only this one does (the limit per ticket has no header).
    3. Else only an `update` (PUT) that is to pause for over a minute waits alone: there is a limit
       per ticket, and the pool, which is filled every minute, asks for less.

    In doubt between 1 and 2 the call alone waits: taking a ticket's limit for the account's would
    stop everything for ten minutes, the opposite costs a few more answers 429.
    """
    if any(True for _ in _used_up(headers)):
        return False
    left = headers.get("x-rate-limit-remaining", headers.get("ratelimit-remaining", ""))
    if re.fullmatch(r"\s*-?[0-9]{1,9}\s*", left):
        return int(left) <= 0
    return not update or pause_s is None or pause_s <= POOL_WINDOW_S


def room_left(headers: Mapping[str, str]) -> float | None:
    """Which share of the account's pool of calls is left this minute, None where it is not said."""
    limit = headers.get("x-rate-limit", headers.get("ratelimit-limit", ""))
    left = headers.get("x-rate-limit-remaining", headers.get("ratelimit-remaining", ""))
    if not all(re.fullmatch(r"[0-9]{1,9}", text) for text in (limit, left)) or int(limit) == 0:
        return None
    return int(left) / int(limit)


def _used_up(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if name.startswith("zendesk-ratelimit-"):
            remaining = _REMAINING.search(value)
            if remaining and int(remaining[1]) <= 0:
                yield value


def _limit_pause(headers: Mapping[str, str], *, now_ms: int) -> float | None:
    asked = retry_after(headers.get("retry-after"), now_ms=now_ms)
    if asked is not None:
        return asked
    resets = [float(found[1]) for value in _used_up(headers) if (found := _RESETS.search(value))]
    if resets:
        return min(max(resets), LONGEST_PAUSE_S)
    return retry_after(headers.get("ratelimit-reset"), now_ms=now_ms)


def failure(answer: Answer, *, write: bool, now_ms: int, update: bool = False) -> FarSideError:
    """The outcome of an answer that is not 2xx. `update`: the call was a PUT.

    A 403 that names no scope counts as this call's alone; whether the account is meant can only
    be found out by another call.
    """
    status = answer.status
    if 300 <= status < 400:
        return _redirected(answer)
    if status == 429:
        return _over_limit(answer, now_ms=now_ms, update=update)
    if status >= 500 or status in {408, 425}:
        return _out_of_order(answer, write=write, now_ms=now_ms)
    problem = read_problem(answer)
    if status == 401 or is_scope_missing(answer):
        return credentials_refused(status, problem)
    if status == 403:
        return _forbidden(problem)
    if status == 404 and _is_html(answer):
        # The API answers in JSON: this page comes from an address without such an account.
        return TryLater(
            FAR_SIDE,
            "no Zendesk API answers at this address: does BRIDGE_ZENDESK_URL name the account?",
            whole_account=True,
        )
    if status == 409 and any(code in problem.code for code in _PASSING_CONFLICTS):
        return TryLater(FAR_SIDE, f"Zendesk was busy with the same record ({problem.code})")
    return ZendeskRefused(
        _refusal(status, problem),
        code=problem.code or _first_code(problem) or str(status),
        status=status,
        details=problem.details,
    )


def _over_limit(answer: Answer, *, now_ms: int, update: bool) -> TryLater:
    words = "Zendesk's rate limit is used up"
    pause_s = _limit_pause(answer.headers, now_ms=now_ms)
    if limits_whole_account(answer.headers, pause_s, update=update):
        return TryLater(FAR_SIDE, words, pause_s=pause_s, whole_account=True)
    busy = TicketBusy if update else TryLater
    return busy(FAR_SIDE, words, pause_s=pause_s)


def _redirected(answer: Answer) -> FarSideError:
    host = urlsplit(answer.headers.get("location", "")).hostname or "another address"
    return TryLater(
        FAR_SIDE,
        f"Zendesk's address redirects to {discreet(host)}; was the subdomain renamed? "
        "BRIDGE_ZENDESK_URL must hold the new one",
        whole_account=True,
    )


def _out_of_order(answer: Answer, *, write: bool, now_ms: int) -> FarSideError:
    pause_s = retry_after(answer.headers.get("retry-after"), now_ms=now_ms)
    words = f"Zendesk is out of order (answer {answer.status})"
    # Only a 503 that names a pause is documented as "not processed".
    if write and not (answer.status == 503 and pause_s is not None) and answer.status != 425:
        return OutcomeUnknown(FAR_SIDE, words, pause_s=pause_s)
    return TryLater(FAR_SIDE, words, pause_s=pause_s)


def is_scope_missing(answer: Answer) -> bool:
    """Whether a 403 names a missing OAuth scope, and so is about the account without a doubt."""
    return answer.status == 403 and _SCOPES.search(read_problem(answer).words) is not None


def _forbidden(problem: Problem) -> ZendeskRefused:
    words = "Zendesk does not let the bridge's user do this (403)"
    words += f": {problem.words}" if problem.words else ": its role or its access is restricted"
    return ZendeskRefused(words, code="Forbidden", status=403, details=problem.details)


def credentials_refused(status: int, problem: Problem) -> CredentialsRefused:
    """The outcome of a 401 or 403, naming the missing scope where Zendesk does."""
    code = problem.code or str(status)
    scopes = _SCOPES.search(problem.words)
    if scopes:
        words = f"the OAuth client lacks the scope {scopes[1].strip()}: allow it in Zendesk"
    elif status == 401:
        words = "Zendesk does not accept the bridge's credentials (401)"
    else:
        words = "Zendesk does not let the bridge's user in (403)"
        words += f": {problem.words}" if problem.words else ""
    return CredentialsRefused(FAR_SIDE, words, code=code)


def _is_html(answer: Answer) -> bool:
    kind = answer.headers.get("content-type", "").lower()
    return "html" in kind or answer.body.lstrip()[:1] == b"<"


def _first_code(problem: Problem) -> str:
    return next((detail.code for detail in problem.details if detail.code), "")


def _refusal(status: int, problem: Problem) -> str:
    head = ": ".join(part for part in (problem.code, problem.words) if part)
    fields = "; ".join(
        f"{detail.field}: {' '.join(part for part in (detail.words, _coded(detail)) if part)}"
        for detail in problem.details
    )
    said = " - ".join(part for part in (head, fields) if part)
    return f"Zendesk refused ({status})" + (f": {said}" if said else "")


def _coded(detail: Detail) -> str:
    return f"[{detail.code}]" if detail.code else ""


def not_usable(words: str, *, write: bool) -> FarSideError:
    """The outcome of a success that can't be understood."""
    said = f"Zendesk's answer can't be used: {words}"
    return OutcomeUnknown(FAR_SIDE, said) if write else TryLater(FAR_SIDE, said)


def not_answered(error: CallFailed, *, write: bool) -> FarSideError:
    """The outcome of a call without an answer."""
    said = f"Zendesk: {error.words}"
    if write and error.sent:
        return OutcomeUnknown(FAR_SIDE, said)
    return TryLater(FAR_SIDE, said)


def parsed(answer: Answer, *, write: bool, expect: str | None) -> Record:
    """The body of a 2xx; `expect` is a key that must be there.

    Raises TryLater (reads) or OutcomeUnknown (writes) for log-in pages and other nonsense.
    """
    if answer.status == 204 and expect is None:
        return {}
    try:
        body = answer.json()
    except ValueError as error:
        words = "an HTML page" if _is_html(answer) else "not JSON"
        raise not_usable(words, write=write) from error
    if not isinstance(body, dict):
        raise not_usable("not a JSON object", write=write)
    if expect is not None and not isinstance(body.get(expect), dict | list):
        raise not_usable(f"it has no {expect}", write=write)
    return body


@contextmanager
def well_formed(*, write: bool) -> Iterator[None]:
    """Turn Malformed into the outcome it means for a read or a write."""
    try:
        yield
    except Malformed as error:
        raise not_usable(f"{error} is missing or wrong", write=write) from error
