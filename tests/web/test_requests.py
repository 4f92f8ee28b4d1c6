"""A request target as it is signed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.web.requests import origin_form


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("/carriers/twilio/inbound", "/carriers/twilio/inbound", id="path"),
        pytest.param("/a?b=c%20d+e&f=", "/a?b=c%20d+e&f=", id="query untouched"),
        pytest.param("/a?", "/a?", id="empty query"),
        pytest.param("//evil.example/a", "//evil.example/a", id="two slashes are a path"),
        pytest.param("/a?u=http://x/y", "/a?u=http://x/y", id="an address in the query"),
        pytest.param("http://evil.example/a?b=c", "/a?b=c", id="absolute form"),
        pytest.param("HTTPS://bridge.example:8443/a", "/a", id="absolute form with port"),
        pytest.param("http://bridge.example", "/", id="absolute form without path"),
        pytest.param("http://bridge.example?b=/c", "/?b=/c", id="absolute form, query alone"),
        pytest.param("http://bridge.example//a", "//a", id="absolute form, two slashes"),
    ],
)
def test_the_origin_form_is_path_and_query_as_sent(target: str, expected: str) -> None:
    assert origin_form(target) == expected


@given(st.text(alphabet="abc/?&=%:.+#@", max_size=40))
def test_a_target_that_begins_with_a_slash_is_never_changed(rest: str) -> None:
    assert origin_form(f"/{rest}") == f"/{rest}"
