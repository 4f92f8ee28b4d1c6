"""Every commit and every call, one after the other, goes wrong once: nobody can tell afterwards.

For each scene the bridge is first left alone; what then stands on the ticket, on the phone and in
the store is what has to stand there after a death (or a lost request, a lost answer, a refusal)
at its first step, its second, and so on, until no step is left.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from bridge.inbound.files import LATER_HEAD
from bridge.sandbox.zendesk.records import Ticket
from bridge.store.database import Transaction
from tests.faults.mortal import FAULTS, At, Fault, How
from tests.faults.stage import File, Stage, open_stage
from tests.flows import conftest as flows
from tests.flows.cast import ACME, ORDERS, VIP, customer_comments, notes, our_comments
from tests.flows.conftest import ALL_ENGINES, NewStore

engine, new_store = flows.engine, flows.new_store  # fixtures
pytest_generate_tests = flows.pytest_generate_tests

# Each is a little longer than a text, so that each of three texts has the first words of one.
LONG = " ".join(f"Sentence {number} of a long reply." for number in range(56))
PICTURE: File = ("image/jpeg", b"\xff\xd8\xff\xe0 a picture")
Act = Callable[["Scene"], Awaitable[None]]
Outcome = dict[str, object]


@dataclass(slots=True, kw_only=True)
class Scene:
    """One customer, and what happens between them and us."""

    stage: Stage
    customer: str

    async def texts(self, *bodies: str, to: str = ACME, pictures: Sequence[File] = ()) -> None:
        """The customer texts us, one text after the other."""
        for body in bodies:
            await self.stage.text(self.customer, to, body, *pictures)

    async def replies(self, *words: str, pictures: Sequence[File] = ()) -> None:
        """An agent replies once on the customer's last ticket."""
        ticket_id = self.tickets[-1].id
        await self.stage.reply(
            ticket_id, *words, customer=self.customer, sender=ACME, pictures=pictures
        )

    @property
    def tickets(self) -> list[Ticket]:
        """The customer's tickets, oldest first."""
        zendesk = self.stage.sandbox.zendesk
        return [
            ticket
            for ticket in zendesk.tickets.values()
            if zendesk.users[ticket.requester_id].phone == self.customer
        ]

    async def outcome(self) -> Outcome:
        """What came of it, on all three sides, without ids, keys and times."""
        sandbox = self.stage.sandbox
        places = {ticket.id: place for place, ticket in enumerate(self.tickets)}
        users = [user for user in sandbox.zendesk.users.values() if user.phone == self.customer]
        sent = [one for one in sandbox.twilio.sent if one.customer == self.customer]
        found: Outcome = {
            "texts": [list(map(_bare, customer_comments(ticket))) for ticket in self.tickets],
            "files": [
                [file.content for comment in our_comments(ticket) for file in comment.attachments]
                for ticket in self.tickets
            ],
            "notes": [
                [note for note in notes(ticket) if not note.startswith(LATER_HEAD)]
                for ticket in self.tickets
            ],
            "states": [ticket.status for ticket in self.tickets],
            "follow-ups": [[places[one] for one in each.followup_ids] for each in self.tickets],
            "users": len(users),
            "sent": [(one.sender, one.body) for one in sent],
            "phone": [(one.body, one.media) for one in sandbox.twilio.handset(self.customer)],
            "stored": await self.stage.bridge.service.database.read(self._stored),
        }
        return {name: re.sub(r"k\d+k", "k", repr(value)) for name, value in found.items()}

    def _stored(self, tx: Transaction) -> list[dict[str, object]]:
        # Whether a report arrives that came while nobody listened is the carrier's affair.
        said = tx.all(
            "SELECT kind, verdict, body, told_agent, "
            "CASE state WHEN 'delivered' THEN 'sent' ELSE state END AS state "
            "FROM messages WHERE customer = $1 ORDER BY seq",
            self.customer,
        )
        consent = tx.all(
            "SELECT action, how, words FROM consent WHERE contact = $1 ORDER BY id", self.customer
        )
        failed = tx.all("SELECT reason FROM work WHERE state = 'failed'")
        return [dict(row) for row in (*said, *consent, *failed)]


def _bare(comment: str) -> str:
    """Without the line on a file, which says where it is: here, or in a note that follows."""
    return comment.partition("\n\n[image/jpeg] ")[0]


async def _nothing(scene: Scene) -> None:
    pass


async def _first_text(scene: Scene) -> None:
    await scene.texts("Where is my parcel?")
    await scene.stage.settle()


async def _second_text(scene: Scene) -> None:
    await scene.texts("It is a blue one")


async def _text_with_picture(scene: Scene) -> None:
    await scene.texts("Look", pictures=[PICTURE])


async def _burst(scene: Scene) -> None:
    await scene.texts("one", "two", "three")


async def _reply(scene: Scene) -> None:
    await scene.replies("On its way")


async def _two_replies(scene: Scene) -> None:
    await scene.replies("On its way")
    await scene.replies("It is a big one")


async def _long_reply(scene: Scene) -> None:
    await scene.replies(LONG, LONG, "And this is the end.")


async def _reply_with_picture(scene: Scene) -> None:
    await scene.replies("Look", pictures=[PICTURE])


async def _failed_reply(scene: Scene) -> None:
    scene.stage.sandbox.twilio.deliveries[scene.customer] = "undelivered:30003"
    await scene.replies("On its way")


async def _stop(scene: Scene) -> None:
    await scene.stage.stop(scene.customer, VIP)


async def _stopped(scene: Scene) -> None:
    await _first_text(scene)
    await _stop(scene)


async def _start(scene: Scene) -> None:
    await scene.stage.start(scene.customer, VIP)


async def _closed(scene: Scene) -> None:
    await _first_text(scene)
    await scene.stage.sandbox.zendesk.set_status(scene.tickets[-1].id, "closed")


async def _merged(scene: Scene) -> None:
    await _first_text(scene)
    await scene.texts("And my other parcel?", to=ORDERS)
    await scene.stage.settle()
    first, second = scene.tickets
    await scene.stage.sandbox.zendesk.merge(first.id, second.id)


# What was before, and what then happens.
SCENES: dict[str, tuple[Act, Act]] = {
    "a first text makes a ticket": (_nothing, _first_text),
    "a second text is a comment": (_first_text, _second_text),
    "a picture stands on the ticket once": (_first_text, _text_with_picture),
    "three texts keep their order": (_first_text, _burst),
    "a reply is texted": (_first_text, _reply),
    "two replies keep their order": (_first_text, _two_replies),
    "a long reply is three texts": (_first_text, _long_reply),
    "a reply with a picture is one text with it": (_first_text, _reply_with_picture),
    "a reply that does not arrive is one note": (_first_text, _failed_reply),
    "a STOP is confirmed once": (_first_text, _stop),
    "a START is confirmed once": (_stopped, _start),
    "a reply after STOP is refused with one note": (_stopped, _reply),
    "a text on a closed ticket is one follow-up": (_closed, _second_text),
    "a text on a merged ticket goes to the other": (_merged, _second_text),
}


@pytest.fixture
async def stage(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Stage]:
    opened = await open_stage(tmp_path, new_store(tmp_path))
    await opened.live()
    yield opened
    await opened.close()


async def _play(stage: Stage, name: str, fault: Fault | None) -> tuple[Scene, Outcome]:
    before, act = SCENES[name]
    scene = Scene(stage=stage, customer=next(stage.strangers))
    await before(scene)
    await stage.settle()
    stage.bridge.steps.clear()
    stage.bridge.arm(fault)
    await act(scene)
    await stage.settle()
    return scene, await scene.outcome()


IN_FULL = bool(os.environ.get(ALL_ENGINES))
# In the full check each on a stage of its own: a start looks at all tickets of the last hour.
GROUPS = [(fault,) for fault in FAULTS] if IN_FULL else [FAULTS]


def _numbers(engine: str, steps: int, seed: int) -> Iterator[int]:
    """In the full check on SQLite all steps, and on until there is none; else every n-th."""
    if not IN_FULL:
        yield from range(1 + seed % min(6, steps), steps + 1, 6)
    elif engine == "postgres":
        yield from range(1 + seed % min(3, steps), steps + 1, 3)
    else:
        yield from count(1)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("faults", GROUPS, ids=lambda group: " or ".join(map(" ".join, group)))
@pytest.mark.parametrize("name", SCENES)
async def test_scene_ends_alike_whatever_goes_wrong_at_any_step(
    stage: Stage, engine: str, name: str, faults: Sequence[tuple[At, How]]
) -> None:
    _, expected = await _play(stage, name, None)
    clean = list(stage.bridge.steps)
    played: list[Scene] = []
    happened = 0
    for at, how in faults:
        steps = [step for kind, step in clean if kind == at]
        seed = zlib.crc32(f"{name} {at} {how}".encode())
        done = []
        for number in _numbers(engine, len(steps), seed):
            fault = Fault(at=at, how=how, number=number)
            scene, outcome = await _play(stage, name, fault)
            assert outcome == expected, f"{fault}, seed {seed}, after {steps}"
            played.append(scene)
            if fault.happened_at is None:
                break
            done.append(fault.happened_at)
        happened += len(done)
        print(f"{name}: {at} {how} at {len(done)} of {len(steps)} steps, seed {seed}: {done}")  # noqa: T201 - which steps they were
    assert happened

    for scene in played:  # nothing came of it afterwards
        assert await scene.outcome() == expected
    assert await stage.violations() == []
