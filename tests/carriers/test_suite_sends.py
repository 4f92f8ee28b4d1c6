"""One suite over every carrier: what each way in which a send can end is taken for."""

from __future__ import annotations

import re

import pytest

from bridge.carriers.contract import Carrier, OutgoingText
from bridge.errors import CredentialsRefused, FarSideError, OutcomeUnknown, Refused, TryLater
from bridge.http import HttpClient
from tests.carriers.conftest import Scripted
from tests.carriers.kits.every import KITS, build, environment
from tests.carriers.kits.kit import Kit

each_kit = pytest.mark.parametrize("kit", KITS, ids=[kit.name for kit in KITS])
each_answer = pytest.mark.parametrize(
    ("kit", "case"),
    [pytest.param(kit, case, id=f"{kit.name}-{case}") for kit in KITS for case in kit.answers],
)
TEXT = OutgoingText(
    ref="part-1",
    sender="+12025550100",
    customer="+12025550123",
    body="Grüße & 100% = ok 😀\nYours + more",
    status_url="https://bridge.example/carriers/any/status?ref=part-1",
)


@pytest.fixture
def carrier(kit: Kit, http: HttpClient, far_side: Scripted) -> Carrier:
    return build(kit, http, api_url=far_side.url)


async def ended(carrier: Carrier) -> FarSideError:
    """How a send ended that was not taken."""
    with pytest.raises(FarSideError) as caught:
        await carrier.send(TEXT)
    return caught.value


@each_answer
async def test_an_answer_means_what_the_carrier_says_it_means(
    kit: Kit, case: str, carrier: Carrier, far_side: Scripted
) -> None:
    told = kit.answers[case]
    far_side.say(told.status, told.body)

    if told.kind is None:
        accepted = await carrier.send(TEXT)
        assert accepted.carrier_id
        assert accepted.state in {"queued", "sending", "sent"}
    else:
        error = await ended(carrier)
        assert type(error) is told.kind
        assert told.code is None or (isinstance(error, Refused) and error.code == told.code)
        assert "2025550123" not in error.words
        assert error.words.endswith(".")
    (asked,) = far_side.asked
    assert asked.path == kit.send_path


@each_kit
def test_the_suite_knows_each_way_to_end(kit: Kit) -> None:
    kinds = {told.kind for told in kit.answers.values()}

    assert kinds == {None, Refused, CredentialsRefused, TryLater, OutcomeUnknown}
    assert {"accepted", "refused", "credentials", "busy", "fault", "nonsense"} <= set(kit.answers)


@each_kit
async def test_opted_out_is_told_from_other_refusals(
    kit: Kit, carrier: Carrier, far_side: Scripted
) -> None:
    for case, told in kit.answers.items():
        if told.kind is Refused:
            far_side.say(told.status, told.body)
            error = await ended(carrier)
            assert isinstance(error, Refused)
            assert carrier.errors.is_opted_out(error.code) == (case == "opted_out")


@each_kit
async def test_the_pause_that_is_asked_for_is_kept(
    kit: Kit, carrier: Carrier, far_side: Scripted
) -> None:
    far_side.say(429, {}, Retry_After="7")

    error = await ended(carrier)

    assert isinstance(error, TryLater)
    assert error.pause_s == 7.0


@each_kit
async def test_a_cut_after_sending_leaves_the_outcome_open(
    kit: Kit, carrier: Carrier, far_side: Scripted
) -> None:
    far_side.hang_up()

    assert isinstance(await ended(carrier), OutcomeUnknown)
    assert len(far_side.asked) == 1


@each_kit
async def test_no_connection_is_a_try_later(kit: Kit, http: HttpClient) -> None:
    carrier = build(kit, http, api_url="http://127.0.0.1:1")

    assert isinstance(await ended(carrier), TryLater)


@each_kit
@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[]", b"null", b'"text"', b"[" * 100_000])
async def test_nonsense_after_a_yes_is_never_taken_for_a_no(
    kit: Kit, carrier: Carrier, far_side: Scripted, body: bytes
) -> None:
    accepted = kit.answers["accepted"]
    far_side.say(accepted.status, body)

    try:
        taken = await carrier.send(TEXT)
    except OutcomeUnknown:
        return
    assert isinstance(accepted.body, bytes)  # answers in words: its status says all
    assert taken.carrier_id == TEXT.ref


@each_kit
async def test_the_same_text_is_asked_for_in_the_same_bytes(
    kit: Kit, carrier: Carrier, far_side: Scripted
) -> None:
    accepted = kit.answers["accepted"]
    for _ in range(2):
        far_side.say(accepted.status, accepted.body)
        await carrier.send(TEXT)

    first, second = far_side.asked
    assert first.body == second.body
    key = "idempotency-key"
    assert first.headers.get(key) == second.headers.get(key)
    assert (first.headers.get(key) == TEXT.ref) == carrier.capabilities.idempotency_key


@each_kit
async def test_words_numbers_and_our_id_leave_as_they_should(
    kit: Kit, carrier: Carrier, far_side: Scripted
) -> None:
    accepted = kit.answers["accepted"]
    far_side.say(accepted.status, accepted.body)

    await carrier.send(TEXT)

    (asked,) = far_side.asked
    whole = asked.body + repr(sorted(asked.headers.items())).encode()
    for needed in (b"12025550123", b"12025550100", b"part-1"):
        assert needed in whole
    assert re.search(rb"Gr(\xc3\xbc|%C3%BC)\xc3\x9fe|Gr%C3%BC%C3%9Fe", asked.body)


@each_kit
async def test_a_short_code_goes_without_its_country(
    kit: Kit, carrier: Carrier, far_side: Scripted
) -> None:
    accepted = kit.answers["accepted"]
    far_side.say(accepted.status, accepted.body)

    await carrier.send(
        OutgoingText(
            ref="part-1",
            sender="US:50500",
            customer=TEXT.customer,
            body="hello",
            status_url=TEXT.status_url,
        )
    )

    (asked,) = far_side.asked
    whole = asked.body + repr(sorted(asked.headers.items())).encode()
    assert b"50500" in whole
    assert b"US:50500" not in whole
    assert b"US%3A50500" not in whole


@each_kit
async def test_a_look_that_fails_is_never_an_absence(
    kit: Kit, carrier: Carrier, far_side: Scripted
) -> None:
    if not carrier.capabilities.can_find_sent:
        assert list(await carrier.find_sent(TEXT, since_ms=0)) == []
        assert far_side.asked == []
        return
    for status, body in ((500, {}), (429, {}), (200, b"<html>"), (200, {}), (302, {})):
        far_side.say(status, body)
        with pytest.raises(TryLater):
            await carrier.find_sent(TEXT, since_ms=1_700_000_000_000)
    far_side.say(401, {})
    with pytest.raises(CredentialsRefused):
        await carrier.find_sent(TEXT, since_ms=1_700_000_000_000)


@each_kit
async def test_doctor_tells_refused_credentials_from_an_account_that_works(
    kit: Kit, carrier: Carrier, far_side: Scripted
) -> None:
    credentials = kit.answers["credentials"]
    status = credentials.status if credentials.status >= 400 else 401
    far_side.say(status, credentials.body if status == credentials.status else {})

    findings = await carrier.check(senders=(), public_url="https://bridge.example")

    assert [finding.ok for finding in findings] == [False]
    assert findings[0].mend
    secrets = [value for name, value in environment(kit).items() if "URL" not in name]
    assert not any(secret in f"{findings}" for secret in secrets if len(secret) > 8)
