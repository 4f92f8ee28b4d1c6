from __future__ import annotations

import pytest

from bridge.domain.links import shown_link


@pytest.mark.parametrize(
    ("label", "href", "shown"),
    [
        pytest.param(
            "our page", "https://a.example/b", "our page (https://a.example/b)", id="both"
        ),
        pytest.param("https://a.example", "https://a.example/", "https://a.example", id="same"),
        pytest.param("a.example/b", "https://a.example/b", "https://a.example/b", id="no scheme"),
        pytest.param("www.a.example", "http://a.example", "http://a.example", id="www"),
        pytest.param(
            "https://a.example/ü", "https://a.example/%C3%BC", "https://a.example/ü", id="%"
        ),
        pytest.param("https://a.ex…", "https://a.example/b", "https://a.example/b", id="shortened"),
        pytest.param("", "https://a.example", "https://a.example", id="no label"),
        pytest.param("x", " https://a.\nexample ", "x (https://a.example)", id="broken href"),
        pytest.param("x", "//a.example/b", "x (https://a.example/b)", id="scheme of the page"),
        pytest.param("x", "www.a.example", "x (www.a.example)", id="href without scheme"),
        pytest.param(
            "go to https://a.example", "https://a.example", "go to https://a.example", id="in label"
        ),
        pytest.param("mail us", "mailto:a@b.example", "mail us (a@b.example)", id="mailto"),
        pytest.param("A@b.example", "mailto:a@b.example?subject=Hi", "A@b.example", id="same mail"),
        pytest.param("call us", "tel:+12025550100", "call us (+12025550100)", id="tel"),
        pytest.param("(202) 555-0100", "tel:+12025550100", "(202) 555-0100", id="same number"),
        pytest.param("030 1234567", "tel:+49301234567", "030 1234567", id="same national number"),
        pytest.param("030 7654321", "tel:+49301234567", "030 7654321 (+49301234567)", id="another"),
        pytest.param("text us", "sms:+12025550100?body=Hi", "text us (+12025550100)", id="sms"),
        pytest.param("x", "javascript:alert(1)", "x", id="script"),
        pytest.param("x", "data:text/html,x", "x", id="data"),
        pytest.param("#12", "/agent/tickets/12", "#12", id="relative"),
        pytest.param("#12", "https://acme.zendesk.com/agent/tickets/12", "#12", id="agents' page"),
        pytest.param(
            "help",
            "https://acme.zendesk.com/hc/en-us",
            "help (https://acme.zendesk.com/hc/en-us)",
            id="help centre",
        ),
        pytest.param("top", "#top", "top", id="anchor"),
        pytest.param("", "#top", "", id="nothing to show"),
    ],
)
def test_a_link_is_shown_as(label: str, href: str, shown: str) -> None:
    assert shown_link(label, href) == shown
