"""Which ticket a text goes to, by the status of the linked one."""

from __future__ import annotations

import pytest

from bridge.domain.tickets import Choice, Comment, FollowUp, New, Status, choose


@pytest.mark.parametrize(
    ("status", "choice"),
    [
        (None, New()),
        ("new", Comment(reopen=False)),
        ("open", Comment(reopen=False)),
        ("pending", Comment(reopen=True)),
        ("hold", Comment(reopen=True)),
        ("solved", Comment(reopen=True)),
        ("closed", FollowUp()),
    ],
)
def test_the_status_decides(status: Status | None, choice: Choice) -> None:
    assert choose(status) == choice
