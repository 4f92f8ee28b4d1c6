"""A lane's rank: who goes first when the desk's limits leave no room for all."""

from __future__ import annotations

from collections.abc import Mapping

SWEEP = "sweep"  # in a look's payload: no hint asked for it
NO_PAYLOAD = "{}"

UNLIMITED = 0  # updates no ticket: a new one, a send, a look that a hint asked for
TEXTS = 1
NOTES = 2
SWEEPS = 3
RANKS: Mapping[str, int] = {
    "text": TEXTS,
    "note": NOTES,
    "look": UNLIMITED,
    "send": UNLIMITED,
    "sweep": SWEEPS,
}

# Where the lane exists it has earlier work, whose time governs. It is written all the same:
# whoever takes away a lane that has nothing more to do must meet whoever adds to it. Its rank is
# that of the most urgent in it: a text does not wait like the note before it.
OPEN_LANE = """
INSERT INTO lanes (lane, account, due_at, rank)
VALUES ($1, $2, $3, $4)
ON CONFLICT (lane) DO UPDATE SET lease = lanes.lease,
    rank = CASE WHEN excluded.rank < lanes.rank THEN excluded.rank ELSE lanes.rank END
"""

# Looked at anew, as its ticket may have been opened meanwhile.
GIVE_BACK = """
UPDATE lanes SET due_at = $1, lease = NULL, rank = coalesce((
    SELECT min(CASE
        WHEN w.kind = 'sweep' OR (w.kind = 'look' AND w.payload <> '{}') THEN 3
        WHEN w.kind = 'note' THEN 2
        WHEN w.kind = 'text' AND c.ticket_id IS NOT NULL THEN 1
        ELSE 0 END)
    FROM work w LEFT JOIN conversations c ON c.id = w.conversation_id
    WHERE w.lane = lanes.lane AND w.state = 'waiting'), 1)
WHERE lane = $2
"""

NEXT_DUE = """
SELECT (SELECT min(due_at) FROM lanes WHERE account = $1 AND rank = 0) AS rank0,
    (SELECT min(due_at) FROM lanes WHERE account = $1 AND rank = 1) AS rank1,
    (SELECT min(due_at) FROM lanes WHERE account = $1 AND rank = 2) AS rank2,
    (SELECT min(due_at) FROM lanes WHERE account = $1 AND rank = 3) AS rank3
"""
