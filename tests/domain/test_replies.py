"""Which comments are replies that go to the customer's phone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.replies import Met, why_not

LINKED = 1_000
REPLY = Met(
    public=True,
    type="Comment",
    via="web",
    flags=frozenset(),
    author_is_staff=True,
    is_ours=False,
    created_at_ms=LINKED,
)


@pytest.mark.parametrize("via", ["web", "api", "mail", "mobile", "system"])
@pytest.mark.parametrize("flags", [frozenset(), frozenset({0, 2, 15})], ids=["plain", "flagged"])
def test_an_agents_public_comment_is_a_reply(via: str, flags: frozenset[int]) -> None:
    assert why_not(replace(REPLY, via=via, flags=flags), replies_from_ms=LINKED) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"is_ours": True}, "written by the bridge"),
        ({"public": False}, "a private note"),
        ({"type": "VoiceComment"}, "not a written comment"),
        ({"via": "rule"}, "written by a rule or a merge"),
        ({"via": "merge"}, "written by a rule or a merge"),
        ({"via": "closed_ticket"}, "written by a rule or a merge"),
        ({"flags": frozenset({2, 4})}, "written by a machine"),
        ({"author_is_staff": False}, "not written by an agent"),
        ({"created_at_ms": LINKED - 1}, "older than the conversation on this ticket"),
    ],
)
def test_anything_else_is_not_and_says_why(change: dict[str, object], reason: str) -> None:
    met = replace(REPLY, **change)  # type: ignore[arg-type]

    assert why_not(met, replies_from_ms=LINKED) == reason


def test_a_private_note_is_never_a_reply_whoever_wrote_it_however() -> None:
    assert why_not(replace(REPLY, public=False, via="api"), replies_from_ms=0) is not None


@given(
    st.builds(
        Met,
        public=st.booleans(),
        type=st.sampled_from(["Comment", "VoiceComment"]),
        via=st.sampled_from(["web", "rule", "merge", "api"]),
        flags=st.frozensets(st.integers(min_value=0, max_value=15)),
        author_is_staff=st.booleans(),
        is_ours=st.booleans(),
        created_at_ms=st.integers(min_value=0, max_value=2_000),
    )
)
def test_what_the_bridge_wrote_or_nobody_may_see_never_leaves(met: Met) -> None:
    if why_not(met, replies_from_ms=LINKED) is None:
        assert met.public
        assert met.author_is_staff
        assert not met.is_ours
        assert met.created_at_ms >= LINKED
