from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.clock import from_rfc3339
from bridge.desks.zendesk.events import Hint, parse_hint, sign, verify
from bridge.errors import BadRequest, Forged

# The vectors of Zendesk's documentation: its public test secret and two bodies.
TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
WHEN = "2026-01-02T03:04:05Z"
BODY = b'{"ticket_id":"42"}'
NOW_MS = from_rfc3339(WHEN)
SECRET = "c2VjcmV0LW9mLW91cnM="


def headers(signature: str, timestamp: str = WHEN) -> dict[str, str]:
    return {
        "X-Zendesk-Webhook-Signature": signature,
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
    }


def check(given: dict[str, str], body: bytes = BODY, *secrets: str, now_ms: int = NOW_MS) -> None:
    verify(given, body, secrets=secrets or (SECRET,), now_ms=now_ms)


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        pytest.param(BODY, "KrgEVnw51bzWRrsaEq7U79hEPmMByOh4A1UoQQ9ZZA0=", id="body"),
        pytest.param(b"", "1xsiPKGHFyXedEmvxNaOg4VQ2U4XjHcPMETpJymjCkg=", id="empty body"),
    ],
)
def test_signatures_are_those_of_the_documented_vectors(body: bytes, signature: str) -> None:
    assert sign(TEST_SECRET, WHEN, body) == signature


def test_a_webhook_signed_with_our_secret_is_let_in() -> None:
    check(headers(sign(SECRET, WHEN, BODY)))


def test_either_secret_will_do_while_one_is_rotated() -> None:
    check(headers(sign("old", WHEN, BODY)), BODY, "new", "old")
    check(headers(sign("new", WHEN, BODY)), BODY, "new", "old")


@pytest.mark.parametrize("secrets", [(TEST_SECRET,), (TEST_SECRET, SECRET), (SECRET,)])
def test_the_public_test_secret_is_never_accepted(secrets: tuple[str, ...]) -> None:
    with pytest.raises(Forged):
        check(headers(sign(TEST_SECRET, WHEN, BODY)), BODY, *secrets)


def test_without_a_secret_nothing_is_let_in() -> None:
    with pytest.raises(Forged, match="no webhook secret"):
        verify(headers(sign("", WHEN, BODY)), BODY, secrets=("",), now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param({}, "is missing", id="no headers"),
        pytest.param(headers(""), "signature is missing", id="empty signature"),
        pytest.param(headers(sign(SECRET, WHEN, BODY), ""), "timestamp is missing", id="no time"),
        pytest.param(headers("AAAA"), "does not match", id="wrong"),
        pytest.param(headers("é\udcff"), "does not match", id="not even text"),
        pytest.param(headers(sign("other", WHEN, BODY)), "does not match", id="another secret"),
        pytest.param(headers(sign(SECRET, WHEN, BODY + b" ")), "does not match", id="other body"),
        pytest.param(
            headers(sign(SECRET, "2026-01-02T03:04:06Z", BODY)), "does not match", id="other time"
        ),
        pytest.param(
            headers(sign(SECRET, BODY.decode(), WHEN.encode())),
            "does not match",
            id="body before timestamp",
        ),
        pytest.param(headers(sign(SECRET, "now", BODY), "now"), "not a time", id="no such time"),
        pytest.param(
            headers(sign(SECRET, "2026-01-02T03:04:05", BODY), "2026-01-02T03:04:05"),
            "not a time",
            id="no time zone",
        ),
        pytest.param(headers(sign(SECRET, "1767323045", BODY), "1767323045"), "time", id="epoch"),
    ],
)
def test_a_forged_webhook_is_refused(given: dict[str, str], reason: str) -> None:
    with pytest.raises(Forged, match=reason):
        check(given)


@pytest.mark.parametrize(
    ("offset_s", "fresh"), [(-300, True), (-301, False), (300, True), (301, False)]
)
def test_a_timestamp_may_be_five_minutes_off(offset_s: int, fresh: bool) -> None:
    given = headers(sign(SECRET, WHEN, BODY))
    now_ms = NOW_MS + offset_s * 1000

    if fresh:
        check(given, now_ms=now_ms)
    else:
        with pytest.raises(Forged, match="off our clock"):
            check(given, now_ms=now_ms)


def test_a_signature_that_comes_twice_is_refused() -> None:
    good = sign(SECRET, WHEN, BODY)
    given = CIMultiDict(headers(good))
    given.add("x-zendesk-webhook-signature", good)

    with pytest.raises(Forged, match="comes twice"):
        verify(given, BODY, secrets=(SECRET,), now_ms=NOW_MS)


def read(payload: dict[str, object]) -> Hint:
    hint = parse_hint(json.dumps(payload).encode())
    assert hint is not None
    return hint


@pytest.mark.parametrize(
    ("payload", "ticket_id", "comment_id"),
    [
        pytest.param({"ticket_id": "42", "comment_id": "7002"}, 42, 7002, id="both"),
        pytest.param({"ticket_id": "42", "comment_id": ""}, 42, None, id="blank comment"),
        pytest.param({"ticket_id": "42"}, 42, None, id="no comment"),
        pytest.param({"ticket_id": 42, "comment_id": None}, 42, None, id="numbers"),
        pytest.param({"ticket_id": " 9007199254740993 "}, 9007199254740993, None, id="beyond 2^53"),
    ],
)
def test_our_trigger_is_a_hint(
    payload: dict[str, object], ticket_id: int, comment_id: int | None
) -> None:
    hint = read(payload)

    assert (hint.ticket_id, hint.comment_id, hint.kind, hint.tagged) == (
        ticket_id,
        comment_id,
        "trigger",
        None,
    )


def event(kind: str = "comment_added", **detail: object) -> dict[str, object]:
    return {
        "account_id": 12514403,
        "id": "c9f1a8f2-0000-4000-8000-000000000000",
        "type": f"zen:event-type:ticket.{kind}",
        "subject": "zen:ticket:42",
        "time": "2026-01-02T03:04:05.123Z",
        "zendesk_event_version": "2022-11-06",
        "detail": {"id": "42", "status": "OPEN", "tags": ["sms", "sms_bridge"], **detail},
        "event": {"meta": {}, "comment": {"id": "7002", "body": "...", "is_public": True}},
    }


def test_a_ticket_event_is_a_hint() -> None:
    assert parse_hint(json.dumps(event()).encode()) == Hint(
        ticket_id=42,  # type: ignore[arg-type]  # the ids are numbers at run time
        comment_id=7002,  # type: ignore[arg-type]  # likewise
        kind="ticket.comment_added",
        tagged=True,
    )


@pytest.mark.parametrize(
    ("tags", "tagged"),
    [(["sms_bridge"], True), (["sms"], False), ([], False), (None, None), ("sms_bridge", None)],
)
def test_an_event_tells_whether_the_ticket_is_ours(tags: object, tagged: bool | None) -> None:
    assert read(event(tags=tags)).tagged is tagged


def test_an_event_without_a_comment_is_a_hint_too() -> None:
    payload = event("status_changed") | {"event": {"current": "SOLVED", "previous": "OPEN"}}

    assert read(payload).comment_id is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(b"", "body", id="empty"),
        pytest.param(b"\xff", "body", id="no text"),
        pytest.param(b"[1]", "body", id="array"),
        pytest.param(b"[" * 200_000, "body", id="nested absurdly"),
        pytest.param(b"{}", "ticket_id", id="nothing in it"),
        pytest.param(b'{"ticket_id": ""}', "ticket_id", id="blank ticket"),
        pytest.param(b'{"ticket_id": "42; drop"}', "ticket_id", id="no number"),
        pytest.param('{"ticket_id": "٤٢"}'.encode(), "ticket_id", id="other digits"),
        pytest.param(b'{"ticket_id": true}', "ticket_id", id="truth"),
        pytest.param(b'{"ticket_id": -1}', "ticket_id", id="negative"),
        pytest.param(b'{"ticket_id": "0"}', "ticket_id", id="zero"),
        pytest.param(b'{"ticket_id": ["42"]}', "ticket_id", id="list"),
        pytest.param(b'{"ticket_id": 1' + b"0" * 30 + b"}", "ticket_id", id="too large"),
        pytest.param(b'{"ticket_id": 42, "comment_id": "x"}', "comment_id", id="comment"),
        pytest.param(json.dumps(event(id=None)).encode(), "detail.id", id="event's ticket"),
        pytest.param(b'{"type": "user.created"}', "type", id="not an event of Zendesk's"),
        pytest.param(b'{"type": 5, "ticket_id": "42"}', "type", id="type"),
        pytest.param(b'{"type": "zen:event-type:ticket.created"}', "detail.id", id="no detail"),
    ],
)
def test_a_malformed_hint_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_hint(body)

    assert caught.value.field == field


@given(st.binary() | st.text().map(str.encode))
def test_no_body_breaks_the_parser(body: bytes) -> None:
    # Not one of these is a hint by chance.
    with pytest.raises(BadRequest):
        parse_hint(body)


@pytest.mark.parametrize("kind", ["user.created", "organization.tags_changed", "article.published"])
def test_an_event_about_no_ticket_is_no_hint_and_no_mistake(kind: str) -> None:
    other = {**event(), "type": f"zen:event-type:{kind}", "detail": {"id": "900001"}}

    assert parse_hint(json.dumps(other).encode()) is None
