"""The switch that keeps every text back, from the command line."""

from __future__ import annotations

from tests.cli.conftest import Command


def test_sending_is_halted_and_resumed(bridge: Command) -> None:
    bridge("migrate")
    assert bridge("sending", "status").out == "texts leave\n"

    assert bridge("sending", "halt").out == "all sending is halted\n"
    assert bridge("sending", "halt").out == "all sending was halted already\n"
    halted = bridge("sending", "status", "--json").json
    assert halted["halted"] is True
    assert bridge("sending", "status").out == f"all sending is halted since {halted['since']}\n"

    assert bridge("sending", "resume").out == "texts leave again\n"
    assert bridge("sending", "resume").out == "sending was not halted\n"
    assert bridge("sending", "status", "--json").json == {"halted": False, "since": None}
