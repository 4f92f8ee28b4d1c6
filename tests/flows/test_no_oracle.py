"""Who has no signature and no token can't tell a number that is known from one that is not."""

from __future__ import annotations

from urllib.parse import quote

import aiohttp
import pytest

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import ACME, AMIRA, MAYA, text

NOBODYS = "+12125550199"
DIFFERS = ("Date", "X-Request-ID")


@pytest.mark.parametrize("path", ["carriers/twilio/inbound", "carriers/twilio/status"])
async def test_a_forged_webhook_is_refused_alike_whichever_numbers_it_names(
    sandbox: Sandbox, path: str
) -> None:
    await text(sandbox, MAYA, ACME, "hello")
    forms = [
        {"MessageSid": "SM1", "From": customer, "To": to, "Body": "hello"}
        for customer in (MAYA, AMIRA)
        for to in (ACME, NOBODYS)
    ]

    answers = [await ask(sandbox, "POST", path, form) for form in forms]

    assert {status for status, _, _ in answers} == {403}
    assert answers == [answers[0]] * 4


async def test_without_the_token_a_contact_that_is_there_answers_like_one_that_is_not(
    sandbox: Sandbox,
) -> None:
    await text(sandbox, MAYA, ACME, "hello")

    known, unknown = [
        await ask(sandbox, "GET", f"api/v1/contacts/{quote(number)}") for number in (MAYA, AMIRA)
    ]

    assert known[0] == 401
    assert known == unknown


async def ask(
    sandbox: Sandbox, method: str, path: str, form: dict[str, str] | None = None
) -> tuple[int, str, list[tuple[str, str]]]:
    """What is answered, but for what is another each time."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{sandbox.url}/{path}", data=form) as answer,
    ):
        headers = sorted(
            (name, value) for name, value in answer.headers.items() if name not in DIFFERS
        )
        document = await answer.json(content_type=None)
        return answer.status, str(document), headers
