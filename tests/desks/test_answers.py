from __future__ import annotations

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.desks.zendesk.answers import (
    LONGEST_PAUSE_S,
    ZendeskRefused,
    discreet,
    failure,
    limits_whole_account,
    read_problem,
    retry_after,
)
from bridge.errors import CredentialsRefused, FarSideError, OutcomeUnknown, TryLater
from bridge.http import Answer

NOW_MS = 1_767_323_045_000


def answer(
    status: int, body: object = None, headers: dict[str, str] | None = None, *, raw: bytes = b""
) -> Answer:
    content = raw if body is None else json.dumps(body).encode()
    return Answer(status=status, headers=headers or {}, body=content)


def outcome(given: Answer, *, write: bool = True) -> FarSideError:
    return failure(given, write=write, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        pytest.param("93", 93.0, id="seconds"),
        pytest.param(" 5 ", 5.0, id="padded"),
        pytest.param("0", 0.0, id="zero"),
        pytest.param("1.5", 1.5, id="fraction"),
        pytest.param("999999999", LONGEST_PAUSE_S, id="absurdly long"),
        pytest.param(formatdate(NOW_MS / 1000 + 30, usegmt=True), 30.0, id="date"),
        pytest.param("Fri, 02 Jan 2026 03:04:35 -0000", 30.0, id="date without a zone"),
        pytest.param(formatdate(NOW_MS / 1000 - 30, usegmt=True), 0.0, id="date gone by"),
        pytest.param("-5", None, id="negative"),
        pytest.param("soon", None, id="words"),
        pytest.param("٣", None, id="other digits"),
        pytest.param("Fri, 99 Jan 2026 03:04:05 GMT", None, id="no such day"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="missing"),
    ],
)
def test_retry_after_may_be_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, now_ms=NOW_MS) == seconds


@given(st.one_of(st.text(), st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [-+\w]*")))
def test_retry_after_never_raises_and_never_asks_for_nonsense(value: str) -> None:
    seconds = retry_after(value, now_ms=NOW_MS)

    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE_S


@given(st.integers(min_value=0, max_value=86_400))
def test_retry_after_in_seconds_and_as_a_date_mean_the_same(seconds: int) -> None:
    date = formatdate(NOW_MS / 1000 + seconds, usegmt=True)

    assert retry_after(date, now_ms=NOW_MS) == retry_after(str(seconds), now_ms=NOW_MS)


USED_UP = {"zendesk-ratelimit-create-update-user": "total=5; remaining=0; resets=41"}


@pytest.mark.parametrize(
    ("headers", "pause_s", "everybody"),
    [
        pytest.param({}, None, True, id="nothing known"),
        pytest.param({}, 60.0, True, id="up to a minute"),
        pytest.param({}, 61.0, False, id="longer than the pool takes to fill"),
        pytest.param({"x-rate-limit-remaining": "0"}, 90.0, True, id="pool empty"),
        pytest.param({"ratelimit-remaining": "0"}, 5.0, True, id="pool empty, standard header"),
        pytest.param({"x-rate-limit-remaining": "512"}, 5.0, False, id="calls left in the pool"),
        pytest.param(USED_UP, 5.0, False, id="an endpoint's limit"),
        pytest.param(USED_UP | {"x-rate-limit-remaining": "0"}, 5.0, False, id="in doubt"),
        pytest.param(
            {"zendesk-ratelimit-tickets-index": "total=100; remaining=99; resets=41"},
            5.0,
            True,
            id="an endpoint's limit that isn't used up",
        ),
        pytest.param({"x-rate-limit-remaining": "many"}, 5.0, True, id="nonsense"),
    ],
)
def test_who_waits_after_429(
    headers: dict[str, str], pause_s: float | None, everybody: bool
) -> None:
    assert limits_whole_account(headers, pause_s, update=True) is everybody


def test_a_long_pause_on_anything_but_an_update_is_everybodys() -> None:
    assert limits_whole_account({}, 600.0, update=False)


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        pytest.param({"retry-after": "93", "ratelimit-reset": "4"}, 93.0, id="as asked"),
        pytest.param({"ratelimit-reset": "41"}, 41.0, id="until the pool is filled again"),
        pytest.param(
            {"zendesk-ratelimit-x": "total=5; remaining=0; resets=597", "ratelimit-reset": "4"},
            597.0,
            id="until the endpoint's limit ends",
        ),
        pytest.param({}, None, id="nothing said"),
    ],
)
def test_how_long_to_wait_after_429(headers: dict[str, str], pause_s: float | None) -> None:
    got = outcome(answer(429, headers=headers))

    assert isinstance(got, TryLater)
    assert got.pause_s == pause_s


@pytest.mark.parametrize(
    ("given", "write", "kind", "pause_s"),
    [
        pytest.param(answer(500), True, OutcomeUnknown, None, id="write 500"),
        pytest.param(answer(502, raw=b"<html>"), True, OutcomeUnknown, None, id="write 502"),
        pytest.param(answer(503), True, OutcomeUnknown, None, id="write 503 without a pause"),
        pytest.param(
            answer(503, headers={"retry-after": "7"}), True, TryLater, 7.0, id="write 503 asked"
        ),
        pytest.param(
            answer(500, headers={"retry-after": "7"}), True, OutcomeUnknown, 7.0, id="write 500 +"
        ),
        pytest.param(
            answer(502, headers={"retry-after": "9"}), False, TryLater, 9.0, id="read 502 asked"
        ),
        pytest.param(answer(408), True, OutcomeUnknown, None, id="write 408"),
        pytest.param(answer(500), False, TryLater, None, id="read 500"),
        pytest.param(
            answer(504, headers={"retry-after": "7"}), False, TryLater, 7.0, id="read 504"
        ),
        pytest.param(
            answer(409, {"error": "DatabaseConflict", "description": "Database collision"}),
            True,
            TryLater,
            None,
            id="collision",
        ),
        pytest.param(
            answer(409, {"error": "IdempotentRequestInProgress"}), True, TryLater, None, id="key"
        ),
        pytest.param(
            answer(409, {"error": "UpdateConflict"}), True, ZendeskRefused, None, id="409"
        ),
        pytest.param(answer(404, raw=b""), True, ZendeskRefused, None, id="404 empty"),
        pytest.param(answer(401), True, CredentialsRefused, None, id="401"),
    ],
)
def test_outcome_by_status(
    given: Answer, write: bool, kind: type[FarSideError], pause_s: float | None
) -> None:
    got = outcome(given, write=write)

    assert type(got) is kind
    assert getattr(got, "pause_s", None) == pause_s


def test_a_redirect_pauses_everything_and_names_the_new_host() -> None:
    got = outcome(answer(301, headers={"location": "https://renamed.zendesk.com/api/v2/x"}))

    assert isinstance(got, TryLater)
    assert got.whole_account
    assert "redirects to renamed.zendesk.com" in got.words


def test_a_missing_account_is_not_a_missing_ticket() -> None:
    got = outcome(answer(404, raw=b"<!DOCTYPE html><title>Oops, no such help desk</title>"))

    assert isinstance(got, TryLater)
    assert got.whole_account


def test_a_missing_scope_is_named() -> None:
    body = {
        "error": "Forbidden",
        "description": "You are missing the following required scopes: tickets:write",
    }

    got = outcome(answer(403, body))

    assert isinstance(got, CredentialsRefused)
    assert "scope tickets:write" in got.words


@pytest.mark.parametrize(
    "body", [None, {"error": "Forbidden", "description": "You do not have access to this page."}]
)
def test_a_403_that_names_no_scope_is_about_one_call(body: object) -> None:
    got = outcome(answer(403, body))

    assert isinstance(got, ZendeskRefused)
    assert (got.code, got.status) == ("Forbidden", 403)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        pytest.param(
            {"error": {"title": "No help desk", "message": "There is none"}},
            "No help desk",
            "There is none",
            id="object",
        ),
        pytest.param({"error": "X", "description": "y"}, "X", "y", id="text"),
        pytest.param({"error": "X", "message": "y"}, "X", "y", id="message"),
        pytest.param(
            {"errors": [{"code": "InvalidWebhook", "title": "t", "detail": "d"}]},
            "InvalidWebhook",
            "d",
            id="list",
        ),
        pytest.param({"error": None, "description": 5}, "", "", id="nonsense"),
        pytest.param([1], "", "", id="array"),
    ],
)
def test_error_bodies_of_every_shape_are_read(body: object, code: str, words: str) -> None:
    problem = read_problem(answer(422, body))

    assert (problem.code, problem.words) == (code, words)


def test_a_refusal_names_the_field_and_the_reason() -> None:
    body = {
        "error": "RecordInvalid",
        "description": "Record validation errors",
        "details": {
            "360001": [{"description": "Order number: cannot be blank", "error": "BlankValue"}],
            "odd": ["just words"],
        },
    }

    got = outcome(answer(422, body))

    assert isinstance(got, ZendeskRefused)
    assert got.code == "RecordInvalid"
    assert got.words == (
        "Zendesk refused (422): RecordInvalid: Record validation errors - "
        "360001: Order number: cannot be blank [BlankValue]; odd: just words"
    )


def test_a_refusal_without_an_error_text_takes_the_code_of_its_detail() -> None:
    got = outcome(answer(422, {"details": {"status": {"error": "ClosedTicket"}}}))

    assert isinstance(got, ZendeskRefused)
    assert got.code == "ClosedTicket"


def test_words_hold_neither_addresses_nor_numbers() -> None:
    said = "Email: ann@example.org is already in use; phone +1 (202) 555-0123 too"

    assert discreet(said) == "Email: (e-mail) is already in use; phone (number) too"


@given(st.binary())
def test_any_error_body_can_be_read(body: bytes) -> None:
    assert isinstance(outcome(answer(422, raw=body)), FarSideError)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "description", "details", "errors", "title", "x"]), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_error_body_can_be_read(body: object) -> None:
    assert isinstance(outcome(answer(422, raw=json.dumps(body).encode())), FarSideError)
