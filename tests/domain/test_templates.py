"""Templates: what may stand in braces, and what is filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.templates import fill, unknown_placeholder, values_of

VALUES = values_of(
    name="Maya Lindqvist",
    customer="+12025550123",
    fields={"size": "L"},
    ticket_id=35436,
    sender_name="Acme",
    sender="US:50500",
)
NOTHING = values_of(
    name="+1 202-555-0123",
    customer="+12025550123",
    fields={},
    ticket_id=None,
    sender_name=None,
    sender="+12025550100",
)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello", "Hello"),
        ("Hi {{ contact.first_name }}!", "Hi Maya!"),
        ("Hi {{contact.name}}!", "Hi Maya Lindqvist!"),
        ("Ticket #{{ ticket.id }} is solved", "Ticket #35436 is solved"),
        ("{{ sender.name }}, {{ sender.number }}", "Acme, 50500"),
        ("Your number {{ contact.number }}", "Your number +1 202-555-0123"),
        ("Size {{ contact.fields.size }}", "Size L"),
        ('Hi {{ contact.first_name | default: "there" }}', "Hi Maya"),
    ],
)
def test_placeholders_are_filled_in(text: str, filled: str) -> None:
    assert unknown_placeholder(text) is None
    assert fill(text, VALUES).text == filled
    assert fill(text, VALUES).missing == ()


@pytest.mark.parametrize(
    ("text", "filled", "missing"),
    [
        ("Hi {{ contact.first_name }}!", "Hi!", ("contact.first_name",)),
        ('Hi {{ contact.first_name | default: "there" }}!', "Hi there!", ()),
        ("Hi {{ contact.first_name | default: 'there' }}!", "Hi there!", ()),
        ('Hi{{ contact.name | default: "" }}!', "Hi!", ()),
        (
            "{{ contact.fields.size }} {{ contact.fields.size }} {{ ticket.id }}",
            "",
            ("contact.fields.size", "ticket.id"),
        ),
    ],
)
def test_what_is_not_known_has_its_default_or_is_left_out(
    text: str, filled: str, missing: tuple[str, ...]
) -> None:
    found = fill(text, NOTHING)

    assert (found.text, found.missing) == (filled, missing)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ contact.nam }}", "there is no {{ contact.nam }}; there is contact.name, "),
        ("{{ contact.fields.Size }}", "is not like {{ contact.name }}"),
        ("{{ contact.fields. }}", "there is no {{ contact.fields. }}"),
        ("{{ }}", "is not like"),
        ("{{ contact.name | upcase }}", "is not like"),
        ("{{ contact.name | default: there }}", "is not like"),
        ("Hi {{ contact.name", "has no }} behind it"),
        ("{% if x %}{{ 7 * 7 }}{% endif %}", "is not like"),
    ],
)
def test_an_unknown_placeholder_is_refused_with_what_there_is(text: str, why: str) -> None:
    assert why in str(unknown_placeholder(text))


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_filled_in_is_never_read_again(name: str, text: str) -> None:
    values = {**VALUES, "contact.name": name + " {{ ticket.id }}"}

    filled = fill("{{ contact.name }}", values).text

    assert filled == (name + " {{ ticket.id }}").strip()
    assert fill(text.replace("{", "("), values).text == text.replace("{", "(").strip()
