"""When a part may leave: its sender has so many segments a second, whoever sends them.

What comes faster gets turns in order, so a sender with a long queue is asked once for each text and
holds up no other. Campaign texts queue behind one another and let replies go first; an answer to
STOP waits for nobody, as it is good for five minutes only.
"""

from __future__ import annotations

from dataclasses import replace

from bridge.store import paces
from bridge.store.database import Transaction
from bridge.store.messages import Message
from bridge.store.parts import Part

# Carriers queue for hours what comes too fast, and those that queue less answer "later": as much as
# this goes ahead where nobody has set a pace. A pace that an admin has set is kept to the letter.
AHEAD_MS = 60 * 60 * 1000


def wait_ms(
    tx: Transaction, message: Message, part: Part, *, pace: float | None, is_strict: bool
) -> int:
    """How long this part has to wait; 0 where it may leave now, and then its time is taken.

    `pace` is in segments a second, None for no limit.
    """
    if pace is None:
        return 0
    spoken = paces.get(tx, message.sender)
    now_ms = tx.now_ms()
    cost_ms = max(1, round(1000 * part.segments / pace))
    busy_until = max(now_ms, spoken.free_at)
    begin = busy_until if is_strict else max(now_ms, busy_until - AHEAD_MS)
    if message.kind == "opt_out_answer":
        paces.put(tx, message.sender, replace(spoken, free_at=busy_until + cost_ms))
        return 0
    turn = paces.turn_of(tx, part.id)
    if message.kind == "campaign":
        return _campaign(tx, message, part, turn=turn, begin=begin, cost_ms=cost_ms)
    if turn is None:
        paces.put(tx, message.sender, replace(spoken, free_at=busy_until + cost_ms))
        turn = begin
        if turn > now_ms:
            paces.give_turn(tx, part.id, turn)
    return _left(tx, part, turn - now_ms)


def _campaign(
    tx: Transaction, message: Message, part: Part, *, turn: int | None, begin: int, cost_ms: int
) -> int:
    spoken = paces.get(tx, message.sender)
    now_ms = tx.now_ms()
    if turn is None:
        turn = max(begin, spoken.queue_at)
        spoken = replace(spoken, queue_at=turn + cost_ms)
        paces.put(tx, message.sender, spoken)
        if turn > now_ms:
            paces.give_turn(tx, part.id, turn)
    waits = max(turn, begin) - now_ms  # a reply may have taken the time meanwhile
    if waits <= 0:
        busy_until = max(now_ms, spoken.free_at)
        paces.put(tx, message.sender, replace(spoken, free_at=busy_until + cost_ms))
    return _left(tx, part, waits)


def _left(tx: Transaction, part: Part, waits: int) -> int:
    if waits <= 0:
        paces.end_turn(tx, part.id)
    return max(0, waits)
