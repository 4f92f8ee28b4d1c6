"""One suite over every carrier: whom it believes, and what it makes of what it is told."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.carriers.contract import Carrier, WebhookRequest
from bridge.carriers.registry import CARRIERS
from bridge.errors import BadRequest, Forged
from bridge.http import HttpClient
from tests.carriers.conftest import report_in, text_in
from tests.carriers.kits.every import KITS, Still, build
from tests.carriers.kits.kit import Hook, Kit, Spoilt, changed

A_DAY_AND_MORE_S = 30 * 3600
HOOK = Hook()
each_kit = pytest.mark.parametrize("kit", KITS, ids=[kit.name for kit in KITS])


@pytest.fixture
def clock() -> Still:
    return Still()


@pytest.fixture
def carrier(kit: Kit, http: HttpClient, clock: Still) -> Carrier:
    return build(kit, http, clock)


def report_hook(kit: Kit, **changes: str) -> Hook:
    status, _ = kit.failure
    return replace(HOOK, **{"status": status, **changes})  # type: ignore[arg-type]


def test_every_carrier_has_a_kit() -> None:
    assert {kit.carrier for kit in KITS} == set(CARRIERS)


def test_every_pace_is_of_a_kind_that_the_carrier_has() -> None:
    for spec in CARRIERS.values():
        can = spec.capabilities
        assert set(can.pace) | set(can.answers) <= can.kinds
        assert all(pace > 0 for pace in can.pace.values())


@each_kit
def test_what_the_carrier_signed_is_believed(kit: Kit, carrier: Carrier) -> None:
    carrier.verify(kit.inbound(HOOK))
    carrier.verify(kit.report(report_hook(kit)))


@each_kit
@pytest.mark.parametrize("how", get_args(Spoilt))
def test_what_it_did_not_sign_is_not(kit: Kit, carrier: Carrier, how: Spoilt) -> None:
    for request in (kit.inbound(HOOK), kit.report(report_hook(kit))):
        spoilt = kit.spoil(request, how)
        if spoilt == request:
            continue  # a report says no "hello"; the text's turn shows it
        with pytest.raises(Forged):
            carrier.verify(spoilt)
    assert kit.spoil(kit.inbound(HOOK), how) != kit.inbound(HOOK)


@each_kit
def test_another_secret_is_not_believed(kit: Kit, carrier: Carrier) -> None:
    with pytest.raises(Forged):
        carrier.verify(kit.inbound(replace(HOOK, secret="a-secret-that-somebody-else-has-set-up")))
    with pytest.raises(Forged):
        carrier.verify(
            kit.report(report_hook(kit, secret="a-secret-that-somebody-else-has-set-up"))
        )


@each_kit
def test_both_secrets_are_believed_while_one_is_rotated(kit: Kit, http: HttpClient) -> None:
    carrier = build(
        kit,
        http,
        secret="new-one-of-the-two-secrets-of-the-suite,first-of-the-two-secrets-of-the-suite",
    )

    for secret in (
        "new-one-of-the-two-secrets-of-the-suite",
        "first-of-the-two-secrets-of-the-suite",
    ):
        carrier.verify(kit.inbound(replace(HOOK, secret=secret)))
        carrier.verify(kit.report(report_hook(kit, secret=secret)))


@each_kit
def test_what_was_signed_long_ago_is_refused_where_the_time_is_signed(
    kit: Kit, carrier: Carrier, clock: Still
) -> None:
    old = kit.inbound(HOOK)
    clock.moved_s = A_DAY_AND_MORE_S

    if not carrier.capabilities.signs_time:
        carrier.verify(old)  # known by its id, which is kept for good
        return
    with pytest.raises(Forged, match="stale"):
        carrier.verify(old)


@each_kit
def test_a_repeat_of_the_next_minute_is_believed(kit: Kit, carrier: Carrier, clock: Still) -> None:
    request = kit.inbound(HOOK)
    carrier.verify(request)
    clock.moved_s = 60

    carrier.verify(request)

    assert text_in(carrier, request).carrier_id == HOOK.carrier_id


@each_kit
@pytest.mark.parametrize(
    "body",
    [
        "hello",
        "",
        "Grüße & 100% = ok 😀",
        "żółw 👩‍👩‍👧 🇩🇪",
        "one\ntwo\n",
        "a+b %2B ?x=1&y=2",
        "  blanks  ",
    ],
)
def test_the_words_come_through_as_they_were_sent(kit: Kit, carrier: Carrier, body: str) -> None:
    request = kit.inbound(replace(HOOK, body=body))
    carrier.verify(request)

    assert text_in(carrier, request).body == body


@each_kit
def test_both_sides_are_numbers_with_a_plus(kit: Kit, carrier: Carrier) -> None:
    text = text_in(carrier, kit.inbound(HOOK))

    assert (text.customer, text.sender) == ("+12025550123", "+12025550100")


@each_kit
@pytest.mark.parametrize(
    ("customer", "sender", "expected"),
    [
        ("+12025550123", "50500", ("+12025550123", "US:50500")),
        ("+447700900123", "60777", ("+447700900123", "GB:60777")),
        ("72345", "+12025550100", ("US:72345", "+12025550100")),
        ("MyBank", "+12025550100", ("name:MyBank", "+12025550100")),
        ("+4915123456789", "+447700900123", ("+4915123456789", "+447700900123")),
    ],
    ids=["to a short code", "to a British one", "from a short code", "from a name", "abroad"],
)
def test_short_codes_and_names_are_told_from_numbers(
    kit: Kit, carrier: Carrier, customer: str, sender: str, expected: tuple[str, str]
) -> None:
    text = text_in(carrier, kit.inbound(replace(HOOK, customer=customer, sender=sender)))

    assert (text.customer, text.sender) == expected


@each_kit
def test_a_number_without_its_plus_is_the_same_number(kit: Kit, carrier: Carrier) -> None:
    bare = replace(HOOK, customer="12025550123", sender="12025550100")

    text = text_in(carrier, kit.inbound(bare))

    assert (text.customer, text.sender) == ("+12025550123", "+12025550100")


@each_kit
def test_a_missing_field_is_named(kit: Kit, carrier: Carrier) -> None:
    for name in kit.required:
        request = kit.inbound(replace(HOOK, missing=name))
        carrier.verify(request)
        with pytest.raises(BadRequest) as fault:
            carrier.parse_inbound(request)
        assert name in fault.value.field


@each_kit
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[[]]", b"null", b"5", b"\xff\xfe", b"[" * 100_000, b"{}"]
)
def test_nonsense_is_a_fault_of_the_caller_and_never_ours(
    kit: Kit, carrier: Carrier, body: bytes
) -> None:
    for request in (kit.inbound(HOOK), kit.report(report_hook(kit))):
        broken = changed(request, body=body)
        for parse in (carrier.verify, carrier.parse_inbound, carrier.parse_report):
            _is_taken_or_refused(parse, broken)


@each_kit
@given(body=st.binary(max_size=200), header=st.text(max_size=40))
def test_no_bytes_at_all_make_it_fall_over(kit: Kit, body: bytes, header: str) -> None:
    carrier = build(kit, HttpClient(timeout_s=1))
    request = kit.inbound(HOOK)
    headers = dict.fromkeys(request.headers, header) | {"content-type": "application/json"}
    for parse in (carrier.verify, carrier.parse_inbound, carrier.parse_report):
        _is_taken_or_refused(parse, changed(request, body=body, headers=headers))


def _is_taken_or_refused(parse: object, request: WebhookRequest) -> None:
    assert callable(parse)
    with contextlib.suppress(BadRequest, Forged):
        parse(request)


@each_kit
def test_every_word_for_a_state_is_understood_and_new_ones_harm_nothing(
    kit: Kit, carrier: Carrier
) -> None:
    found = {}
    for word in kit.states:
        request = kit.report(replace(HOOK, status=word))
        carrier.verify(request)
        found[word] = report_in(carrier, request).state

    assert found == kit.states


@each_kit
def test_a_report_names_our_text_and_says_why_it_failed(kit: Kit, carrier: Carrier) -> None:
    status, code = kit.failure

    report = report_in(carrier, kit.report(replace(HOOK, status=status, error=code)))

    assert report.ref == HOOK.ref
    assert report.error == code
    assert report.reason == carrier.errors.explain(code)
    is_ours = kit.id_is_ref and kit.carrier != "infobip"
    assert report.carrier_id == (HOOK.ref if is_ours else HOOK.carrier_id)


@each_kit
def test_no_word_for_an_agent_ends_without_what_to_do(kit: Kit, carrier: Carrier) -> None:
    for code in [*carrier.errors.codes, "code-of-tomorrow", "", "HTTP 400"]:
        words = carrier.errors.explain(code)
        assert words.endswith(".")
        assert words[0].isupper()
    assert carrier.errors.trouble_of("code-of-tomorrow") == "permanent"
