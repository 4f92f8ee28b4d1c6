"""A message that is set aside: whether its texts were sent, as far as anybody knows."""

from __future__ import annotations

from collections.abc import Callable

from bridge.domain.directory import Directory
from bridge.outbound import wording
from bridge.outbound.counting import Counters
from bridge.outbound.track import sum_up, tell_agent
from bridge.store import messages, parts
from bridge.store.database import Transaction
from bridge.store.work import Item


def note_set_aside(
    tx: Transaction,
    item: Item,
    words: str,
    *,
    directory: Callable[[Transaction], Directory],
    counters: Counters,
) -> None:
    """A message set aside without an outcome of its own is failed, and its agent told.

    A text that had begun may be with the carrier: it is uncertain, and looked for before it is
    tried again.
    """
    message = messages.get(tx, str(item.message_id))
    if message is None or message.state not in ("queued", "sending"):
        return
    left = [part for part in parts.of_message(tx, message.id) if part.carrier_id is None]
    for part in left:
        state = "uncertain" if part.state == "sending" else "failed"
        parts.set_outcome(tx, part.id, state, reason=words)
    sum_up(tx, message)
    in_doubt = any(part.state == "sending" for part in left)
    note = wording.begun_and_given_up(words) if in_doubt else wording.given_up(words)
    tell_agent(tx, message, note, directory(tx))
    now = messages.get(tx, message.id) or message
    counters.count_outbound(now.state)
