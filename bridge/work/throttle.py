"""How much of one account's work is begun at once, by how the far side takes it.

What a far side turns away costs both of us and is no nearer to being done. So the places shrink
when it asks for a pause and grow with what gets through; and where several lanes have been asked,
it is no matter of one of them: work of their kind is not begun before the pause is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.domain.limits import Room
from bridge.store.ranks import NOTES, SWEEPS, TEXTS, UNLIMITED
from bridge.store.work import Claim

FEWEST = 2  # places: one lane that is slow holds up no other
MOST_ASKED = 3  # lanes that were asked to wait: then all of the kind do
LONGEST_DARK_S = 10.0  # between looks whether a far side that takes nothing is back
LONGEST_OF_ALL_S = 60.0  # no limit but a single ticket's asks for more


@dataclass(slots=True)
class Throttle:
    """One account's, in one process. Times are milliseconds of the clock that is passed in."""

    at_once: int
    _places: float = field(init=False)
    _asked: dict[int, dict[str, int]] = field(default_factory=dict)  # by kind: lane, until when
    _failing: set[str] = field(default_factory=set)  # lanes, since anything got through
    _dark_until_ms: int = 0
    _dark_s: float = 0.0
    _unnoted: set[str] = field(default_factory=set)  # claimed, its update not yet counted

    def __post_init__(self) -> None:
        self._places = float(self.at_once)

    def free(self, running: int) -> int:
        """How many lanes may be claimed beside those that run."""
        return max(0, int(self._places) - running)

    @property
    def unnoted(self) -> int:
        """How many claimed lanes have an update to come that is not counted yet."""
        return len(self._unnoted)

    def claimed(self, lane: str, rank: int) -> None:
        """A lane was claimed."""
        if kind_of(rank) == TEXTS:
            self._unnoted.add(lane)

    def noted(self, lane: str) -> None:
        """Its update is counted by now, or won't be."""
        self._unnoted.discard(lane)

    def got_through(self) -> None:
        """The far side took something."""
        self._failing.clear()
        self._dark_until_ms, self._dark_s = 0, 0.0
        self._places = min(float(self.at_once), self._places + 1)

    def turned_away(
        self, claimed: Claim, pause_s: float | None, first_s: float, now_ms: int
    ) -> None:
        """A call of this lane was certainly not applied; `pause_s` where a pause was asked for."""
        if pause_s is None:
            self.failed(claimed.lane, first_s, now_ms)
        else:
            self.was_asked(claimed.lane, claimed.rank, pause_s, now_ms)

    def was_asked(self, lane: str, rank: int, pause_s: float, now_ms: int) -> None:
        """The far side asked this lane to wait."""
        if pause_s <= LONGEST_OF_ALL_S:
            self._places = max(float(min(FEWEST, self.at_once)), self._places / 2)
            self._asked.setdefault(kind_of(rank), {})[lane] = now_ms + int(pause_s * 1000)

    def failed(self, lane: str, first_s: float, now_ms: int) -> None:
        """A lane's call failed. When several do and none gets through, the far side is away: a few
        lanes ask for the others whether it is back, after `first_s`, then ever more seldom."""
        self._failing.add(lane)
        if len(self._failing) < MOST_ASKED or now_ms < self._dark_until_ms:
            return  # these were under way
        self.paused()
        self._dark_s = min(max(first_s, self._dark_s * 2), LONGEST_DARK_S)
        self._dark_until_ms = now_ms + int(self._dark_s * 1000)

    def paused(self) -> None:
        """The far side asked everybody to wait: afterwards it is approached slowly."""
        self._places = float(min(FEWEST, self.at_once))

    def quotas(self, *, spare: bool, now_ms: int) -> Mapping[int, int]:
        """How many lanes of each rank may be claimed, whatever room there is for updates. Not
        `spare`: notes leave the last of the account's pool of calls to texts (sweeps see to it
        themselves)."""
        quotas = dict.fromkeys((UNLIMITED, TEXTS, NOTES, SWEEPS), self.at_once)
        if not spare:
            quotas[NOTES] = 0
        for rank in quotas:
            if self._held_ms(rank, now_ms) > 0:
                quotas[rank] = 0
        return quotas

    def held_ms(self, now_ms: int) -> int:
        """How long until a rank that is held back for the far side's sake may go on, 0: none is."""
        held = [self._held_ms(rank, now_ms) for rank in (UNLIMITED, TEXTS, SWEEPS)]
        return min((wait_ms for wait_ms in held if wait_ms > 0), default=0)

    def _held_ms(self, rank: int, now_ms: int) -> int:
        asked = self._asked.get(kind_of(rank), {})
        for lane in [lane for lane, until in asked.items() if until <= now_ms]:
            del asked[lane]
        held_ms = max(asked.values()) - now_ms if len(asked) >= MOST_ASKED else 0
        return max(held_ms, self._dark_until_ms - now_ms)


def within(quotas: Mapping[int, int], room: Room, unnoted: int) -> Mapping[int, int]:
    """The same where there is room for so many updates. `unnoted` as it was before the room was
    read: what has been counted since, the room may not know of."""
    if room.most is None:
        return quotas
    most = max(0, room.most - unnoted)
    return {**quotas, TEXTS: min(quotas[TEXTS], most), NOTES: min(quotas[NOTES], most)}


def kind_of(rank: int) -> int:
    """Whose limit a rank goes by: notes by that of texts, sweeps by one of their own."""
    return TEXTS if rank == NOTES else rank
