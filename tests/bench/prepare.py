"""Databases as the measurements need them: made with the bridge's own functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bridge.app import rules_of
from bridge.carriers.contract import InboundText
from bridge.carriers.registry import answered_words
from bridge.clock import SystemClock
from bridge.current import CurrentDirectory
from bridge.databases import open_database
from bridge.domain.settings_file import parse
from bridge.inbound.receive import take_in
from bridge.settings import load_settings
from bridge.store import contacts, conversations
from bridge.store.database import Database, Transaction
from bridge.store.settings import import_settings
from tests.bench.load import SENDER, body_of, number_of
from tests.bench.servers import environment

T = TypeVar("T")
SETTINGS = f'[[senders]]\nnumber = "{SENDER}"\ncarrier = "twilio"\ncountry = "US"\n'
AT_ONCE = 500  # texts or customers in one transaction


def set_up(url: str) -> None:
    """Make the database, with one sender."""
    words = answered_words()
    file = parse(SETTINGS, words)
    write_all(url, [lambda tx: import_settings(tx, file, words, prune=False)])


def know_customers(url: str, first: int, count: int, *, linked: bool) -> None:
    """Have the bridge know so many customers' users, and with `linked` a ticket of each."""

    def know(tx: Transaction, begin: int) -> None:
        for customer in range(begin, min(begin + AT_ONCE, first + count)):
            address = number_of(customer)
            contacts.know(tx, address)
            contacts.set_requester(tx, address, customer + 1)
            if linked:
                conversation = conversations.open_for(tx, SENDER, address)
                conversations.link(
                    tx,
                    conversation_id=conversation.id,
                    ticket_id=customer + 1,
                    requester_id=customer + 1,
                    replies_from=0,
                )

    begins = range(first, first + count, AT_ONCE)
    write_all(url, [lambda tx, begin=begin: know(tx, begin) for begin in begins])  # type: ignore[misc]


def keep_waiting(url: str, count: int, *, customers: int, first: int = 0) -> None:
    """Take in so many texts, all of whose work waits; a customer's follow one another."""
    settings = load_settings(environment(url, 0), env_file=None)
    rules, directory = rules_of(settings), CurrentDirectory()

    def take(tx: Transaction, begin: int) -> None:
        for number in range(begin, min(begin + AT_ONCE, first + count)):
            text = InboundText(
                carrier_id=f"SM{number:032x}",
                sender=SENDER,
                customer=number_of(number % customers),
                body=body_of(number),
            )
            take_in(tx, "twilio", text, directory.at(tx), rules)

    begins = range(first, first + count, AT_ONCE)
    write_all(url, [lambda tx, begin=begin: take(tx, begin) for begin in begins])  # type: ignore[misc]


def write_all(url: str, transactions: list[Callable[[Transaction], object]]) -> None:
    """Run one transaction after the other on the store at this URL."""

    async def write(database: Database) -> None:
        await database.open()
        try:
            for each in transactions:
                await database.write(each)
        finally:
            await database.close()

    settings = load_settings(environment(url, 0), env_file=None)
    asyncio.run(write(open_database(settings, SystemClock())))
