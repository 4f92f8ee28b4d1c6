"""Users of the console, from the command line."""

from __future__ import annotations

from tests.cli.conftest import Command


def test_a_user_is_added_with_a_link_for_the_password(bridge: Command) -> None:
    added = bridge("users", "add", "Robin Park", "--role", "manager")

    said, link = added.out.splitlines()
    assert added.code == 0
    assert said.startswith("added Robin Park as manager")
    assert link.startswith("http://127.0.0.1:8080/admin/welcome/")
    (listed,) = bridge("users", "list", "--json").json["users"]
    assert listed == {
        "name": "Robin Park",
        "role": "manager",
        "state": "no password yet",
        "signed_in_at": None,
    }


def test_a_user_gets_a_new_link_and_is_disabled(bridge: Command) -> None:
    first = bridge("users", "add", "Sam", "--role", "viewer").out.splitlines()[-1]

    second = bridge("users", "link", "sam").out.strip()
    assert bridge("users", "disable", "sam").code == 0

    assert second.startswith("http://127.0.0.1:8080/admin/welcome/")
    assert second != first
    assert "disabled" in bridge("users", "list").out


def test_what_can_not_be_is_refused_in_a_line(bridge: Command) -> None:
    bridge("users", "add", "Sam", "--role", "viewer")

    for arguments, why in (
        (("add", "SAM", "--role", "admin"), "there is a user SAM already"),
        (("add", "Kim", "--role", "boss"), "'boss' is not one of"),
        (("disable", "Nobody"), "there is no user Nobody"),
        (("link", "Nobody"), "there is no user Nobody"),
    ):
        ended = bridge("users", *arguments)
        assert ended.code == 2
        assert why in ended.err
        assert len(ended.err.splitlines()) == 1


def test_without_users_the_list_says_how_to_make_one(bridge: Command) -> None:
    bridge("migrate")

    assert "bridge users add NAME --role admin" in bridge("users", "list").out
