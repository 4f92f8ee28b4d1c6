"""Who plays in the flow tests, and how their words are found again on either side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp

from bridge.sandbox.demo import Sandbox
from bridge.sandbox.zendesk.records import Comment, Ticket
from bridge.store import work
from tests.flows.conftest import eventually

MAYA = "+12025550123"
JONAS = "+13125550142"
AMIRA = "+14155550177"

ACME = "+12025550100"  # long code
ORDERS = "+18005550199"  # toll-free
VIP = "50500"  # short code

Json = dict[str, Any]


def sender(number: str, **keys: object) -> str:
    """One sender of a settings file; keys beside the number as in TOML."""
    kind = {ACME: "long_code", ORDERS: "toll_free", VIP: "short_code"}[number]
    lines = [f'number = "{number}"', 'carrier = "twilio"', 'country = "US"', f'kind = "{kind}"']
    lines += [f"{name} = {_toml(value)}" for name, value in {"name": "Acme", **keys}.items()]
    return "\n".join(["[[senders]]", *lines, ""])


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name} = {_toml(item)}' for name, item in value.items())}}}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def keyword(*words: str, **keys: object) -> str:
    """One keyword rule of a settings file."""
    lines = [f"{name} = {_toml(value)}" for name, value in {"words": list(words), **keys}.items()]
    return "\n".join(["[[keywords]]", *lines, ""])


def a_list(name: str) -> str:
    """One list of a settings file."""
    return f'[[lists]]\nname = "{name}"\n'


def tickets(sandbox: Sandbox) -> list[Ticket]:
    """Every ticket ever made, oldest first."""
    return list(sandbox.zendesk.tickets.values())


def only_ticket(sandbox: Sandbox) -> Ticket:
    """The one ticket there is."""
    (ticket,) = tickets(sandbox)
    return ticket


def customer_comments(ticket: Ticket) -> list[str]:
    """What the customer said on a ticket, in order."""
    return [one.body for one in ticket.comments if one.author_id == ticket.requester_id]


def notes(ticket: Ticket) -> list[str]:
    """The bridge's private notes on a ticket, in order."""
    return [one.body for one in our_comments(ticket) if not one.public]


def our_comments(ticket: Ticket) -> list[Comment]:
    """The comments that the bridge has written, for whomever."""
    return [one for one in ticket.comments if "sms_bridge" in one.custom]


async def settle(sandbox: Sandbox) -> None:
    """Wait until nothing is left to do or on its way."""
    service = sandbox.service
    assert service is not None

    async def waiting() -> int:
        return (await service.database.read(work.backlog))[0]

    async def is_quiet() -> bool:
        if await waiting():
            return False
        await sandbox.zendesk.idle()
        await sandbox.twilio.idle()
        return await waiting() == 0

    await eventually(is_quiet)


async def text(sandbox: Sandbox, customer: str, to: str, *bodies: str) -> None:
    """Text one of our numbers, one text after the other, and wait for all that follows."""
    for body in bodies:
        await sandbox.twilio.customer_texts(customer, to, body)
    await settle(sandbox)


async def ask(sandbox: Sandbox, path: str, *, method: str = "GET", **query: str) -> Json:
    """Ask the bridge's API."""
    headers = {"Authorization": f"Bearer {sandbox.api_token}"}
    async with (
        aiohttp.ClientSession(sandbox.url, headers=headers) as session,
        session.request(method, f"/api/v1/{path}", params=query) as response,
    ):
        assert response.status == 200, await response.text()
        answer: Json = await response.json()
        return answer


async def messages(sandbox: Sandbox, **query: str) -> list[Json]:
    """The texts that came in, as the API shows them, oldest first."""
    found = (await ask(sandbox, "messages", limit="200", **query))["messages"]
    return [one for one in reversed(found) if one["direction"] == "inbound"]


async def contact(sandbox: Sandbox, number: str) -> Json:
    """A contact as the API shows it."""
    return await ask(sandbox, f"contacts/{number}")


def on_phone(sandbox: Sandbox, number: str) -> list[tuple[str, str, bool]]:
    """The texts on a customer's phone: from, words, and whether the carrier itself sent them."""
    return [(one.sender, one.body, one.by_carrier) for one in sandbox.twilio.handset(number)]
