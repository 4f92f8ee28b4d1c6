"""Our own comments are known again by what stands in their metadata."""

from __future__ import annotations

import pytest

from bridge.desks.contract import CommentDraft
from bridge.desks.zendesk.comments import marks_of, read_comment
from tests.desks.test_comments import comment


@pytest.mark.parametrize("more", [(), ("in-2", "in-3")])
def test_every_text_in_a_comment_is_known_again_by_its_marks(more: tuple[str, ...]) -> None:
    draft = CommentDraft(body="hi", mark="in-1", public=True, covers=more)
    record = comment(7, metadata={"custom": marks_of(draft), "flags": []})

    found = read_comment(record, {55: "agent"})

    assert (found.mark, found.covers) == ("in-1", more)
