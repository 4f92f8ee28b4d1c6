from __future__ import annotations

from bridge.domain.toml_lines import index_lines, line_of

TEXT = r'''# comment
[[senders]]
number = "+1"  # [[lists]]
tags = [
  "a", # ]
  "b",
]
texts = {stop = "x", help = """
[[lists]]
name = "no" \"""
"""}
[senders.more]
a = 1
[[lists]]
name = 'a#[b'
[[senders]]
"number" = "2"
carrier.x = 3
[top]
k = "\"]["
z = \'\'\'
k2 = 1
\'\'\'
y = 1
'''.replace(r"\'", "'")


def test_entries_and_keys_are_found_on_their_lines() -> None:
    assert index_lines(TEXT) == {
        ("senders", 0): 2,
        ("senders", 0, "number"): 3,
        ("senders", 0, "tags"): 4,
        ("senders", 0, "texts"): 8,
        ("senders", 0, "more"): 12,
        ("senders", 0, "more", "a"): 13,
        ("lists", 0): 14,
        ("lists", 0, "name"): 15,
        ("senders", 1): 16,
        ("senders", 1, "number"): 17,
        ("senders", 1, "carrier"): 18,
        ("senders", 1, "carrier", "x"): 18,
        ("top",): 19,
        ("top", "k"): 20,
        ("top", "z"): 21,
        ("top", "y"): 24,
    }


def test_a_place_without_a_line_of_its_own_is_where_it_belongs() -> None:
    lines = index_lines(TEXT)

    assert line_of(lines, ("senders", 0, "tags", 1)) == 4
    assert line_of(lines, ("senders", 1, "country")) == 16
    assert line_of(lines, ("nothing",)) is None
