"""What has happened before `bridge demo` begins: who said what, and when, in the order of time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Final, Literal

from bridge.sandbox.brand import ACME, DIALOGUES, LONDON, NAMES, ORDERS, UNKNOWN, VIP

MINUTE_MS: Final = 60 * 1000
HOUR_MS: Final = 60 * MINUTE_MS
DAYS: Final = 8
DIALOGUES_A_DAY: Final = 15
# How busy each hour of the day is, in UTC: the customers are in America and in England.
BUSY: Final = (3, 2, 1, 1, 1, 1, 2, 3, 5, 6, 6, 6, 7, 9, 10, 10, 9, 9, 8, 7, 6, 6, 5, 4)
Fate = Literal["delivered", "unreachable", "refused by the carrier", "refused by Zendesk", "later"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody with a phone."""

    number: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One thing said, at UTC ms: by the customer, or by an agent (words may be HTML).

    `ends`: the agent solves the ticket with it. `fate` is what becomes of it.
    """

    at_ms: int
    customer: Customer
    sender: str
    by_customer: bool
    words: str
    ends: bool = False
    fate: Fate = "delivered"


def plot(now_ms: int, chance: random.Random) -> list[Turn]:
    """Everything that was said up to now."""
    cast = _Cast()
    told = chain(_everyday(now_ms, chance, cast), _remarkable(now_ms, cast))
    past = [turn for turn in told if turn.at_ms < now_ms - 2 * MINUTE_MS]
    return sorted(past, key=lambda turn: turn.at_ms)


class _Cast:
    """Gives everybody a number of their own."""

    def __init__(self) -> None:
        self._names = count()
        self._american = iter(n for n in range(101, 198) if n != 123)
        self._english = count(1)

    def american(self) -> Customer:
        return self._customer(f"+1202555{next(self._american):04}")

    def english(self) -> Customer:
        return self._customer(f"+447700900{next(self._english):03}")

    def _customer(self, number: str) -> Customer:
        return Customer(number=number, name=NAMES[next(self._names) % len(NAMES)])


def _everyday(now_ms: int, chance: random.Random, cast: _Cast) -> Iterator[Turn]:
    regulars = [(ACME, cast.american()) for _ in range(40)]
    regulars += [(ORDERS, cast.american()) for _ in range(22)]
    regulars += [(LONDON, cast.english()) for _ in range(26)]
    today = now_ms // (24 * HOUR_MS) * 24 * HOUR_MS
    for day in range(DAYS, -1, -1):
        for _ in range(DIALOGUES_A_DAY):
            hour = chance.choices(range(24), BUSY)[0]
            at_ms = today - day * 24 * HOUR_MS + hour * HOUR_MS + chance.randrange(HOUR_MS)
            sender, customer = chance.choice(regulars)
            yield from _dialogue(at_ms, customer, sender, chance)


def _dialogue(at_ms: int, customer: Customer, sender: str, chance: random.Random) -> Iterator[Turn]:
    lines = chance.choice(DIALOGUES)
    order = f"A-{chance.randrange(10_000, 99_999)}"
    last = max((at for at, line in enumerate(lines) if line.startswith(">")), default=-1)
    for place, line in enumerate(lines):
        by_customer = line.startswith("<")
        yield Turn(
            at_ms=at_ms,
            customer=customer,
            sender=sender,
            by_customer=by_customer,
            words=line[1:].format(order=order),
            ends=place == last and chance.random() < 0.8,
            fate="unreachable" if not by_customer and chance.random() < 0.02 else "delivered",
        )
        at_ms += chance.randrange(2 * MINUTE_MS, 25 * MINUTE_MS)


def _remarkable(now_ms: int, cast: _Cast) -> Iterator[Turn]:
    """What a visitor should find: each verdict, each trouble, something of the last minutes."""
    yield from _consent(now_ms, cast)
    yield from _troubles(now_ms, cast)
    yield from _nights(now_ms, cast)
    for minutes, words in ((4, "Hello, are you there? It's about the blue Marlow"), (11, "Hi!")):
        yield _said(now_ms - minutes * MINUTE_MS, cast.american(), ACME, words)


def _consent(now_ms: int, cast: _Cast) -> Iterator[Turn]:
    hours = iter(range(5, 200, 7))
    for words in ("JOIN", "join!", "Vip", "JOIN", "can I join you?"):
        yield _said(now_ms - next(hours) * HOUR_MS, cast.american(), VIP, words)
    member = cast.american()
    yield _said(now_ms - 90 * HOUR_MS, member, VIP, "VIP")
    yield _said(now_ms - 20 * HOUR_MS, member, VIP, "Is the sale on already?")
    for answer in ("YES", "yes please", None):
        who = cast.american()
        at = next(hours) * HOUR_MS
        yield _said(now_ms - at, who, ACME, "STOCK blue Marlow")
        if answer is not None:
            yield _said(now_ms - at + 3 * MINUTE_MS, who, ACME, answer)
    for words in ("STOP", "Stop!", "Please don't text me any more", "HELP"):
        who = cast.american()
        at = next(hours) * HOUR_MS
        yield _said(now_ms - at, who, ORDERS, "When does the sale begin?")
        yield _said(now_ms - at + HOUR_MS, who, ORDERS, words)
    words = "Please stop texting me. And where is order A-51907?"  # waits for a person's decision
    yield _said(now_ms - 5 * HOUR_MS, cast.american(), ORDERS, words)
    back = cast.american()
    for hours_ago, words in ((70, "STOP"), (30, "Why do I get nothing?"), (29, "START")):
        yield _said(now_ms - hours_ago * HOUR_MS, back, ACME, words)
    yield _said(now_ms - 6 * HOUR_MS, cast.english(), LONDON, "What are your opening hours?")


def _troubles(now_ms: int, cast: _Cast) -> Iterator[Turn]:
    gone = cast.american()
    yield _said(now_ms - 3 * HOUR_MS, gone, ACME, "Did you get my return? Order A-48120")
    answer = "We did, the refund is on its way."
    yield _answered(now_ms - 150 * MINUTE_MS, gone, ACME, answer, fate="unreachable")
    refused = cast.american()
    yield _said(now_ms - 100 * MINUTE_MS, refused, ORDERS, "Can I pick up order A-77231 today?")
    answer = "Yes, it waits for you at the counter until 6 pm."
    yield _answered(now_ms - 85 * MINUTE_MS, refused, ORDERS, answer, fate="refused by the carrier")
    broken = cast.american()
    words = "The handle came off after two days. Photo follows"
    yield _said(now_ms - 70 * MINUTE_MS, broken, ACME, words, fate="refused by Zendesk")
    slow = cast.american()
    yield _said(now_ms - 9 * MINUTE_MS, slow, ORDERS, "Do you have gift wrapping?", fate="later")
    yield _said(now_ms - 55 * MINUTE_MS, cast.american(), UNKNOWN, "Hello, is this number new?")
    out = cast.american()
    yield _said(now_ms - 28 * HOUR_MS, out, ORDERS, "Where is order A-30917?")
    yield _said(now_ms - 27 * HOUR_MS, out, ORDERS, "STOP")
    yield _answered(now_ms - 26 * HOUR_MS, out, ORDERS, "It arrives tomorrow.")


def _nights(now_ms: int, cast: _Cast) -> Iterator[Turn]:
    """Texts to London in the night: nobody is there, whatever the season."""
    night = (now_ms - 2 * HOUR_MS) // (24 * HOUR_MS) * 24 * HOUR_MS + 90 * MINUTE_MS
    for nights_ago, words in ((0, "Is the shop open on Sunday?"), (2, "my order is late again")):
        at_ms = night - nights_ago * 24 * HOUR_MS
        yield _said(at_ms, cast.english(), LONDON, words)


def _said(at_ms: int, who: Customer, sender: str, words: str, *, fate: Fate = "delivered") -> Turn:
    return Turn(at_ms=at_ms, customer=who, sender=sender, by_customer=True, words=words, fate=fate)


def _answered(
    at_ms: int, who: Customer, sender: str, words: str, *, fate: Fate = "delivered"
) -> Turn:
    return Turn(at_ms=at_ms, customer=who, sender=sender, by_customer=False, words=words, fate=fate)
