"""Where an account's files may be fetched from, and who sees its credentials."""

from __future__ import annotations

import pytest

from bridge.desks.zendesk.comments import read_comment
from bridge.desks.zendesk.files import ZendeskFiles

ACME = ZendeskFiles(base_url="https://acme.zendesk.com", authorization="Bearer secret")
OWN = "https://acme.zendesk.com/attachments/token/x/?name=My%20mug.jpg"


@pytest.mark.parametrize("scan", ["malware_not_found", None, "not_scanned", "failed_to_scan"])
def test_file_counts_as_scanned_unless_zendesk_says_no(scan: str | None) -> None:
    record = {
        "id": 1,
        "author_id": 2,
        "created_at": "2026-01-02T03:04:05Z",
        "attachments": [{"content_url": OWN, "malware_scan_result": scan}],
    }

    (file,) = read_comment(record, {}).attachments
    assert file.scanned is (scan not in {"not_scanned", "failed_to_scan"})
    assert not file.malware


def test_credentials_go_to_the_account_alone() -> None:
    assert ACME.headers(OWN) == [{"authorization": "Bearer secret"}, {}]


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.zdusercontent.com/attachment/1/x",
        "https://p1.zdassets.com/x",
        "https://other.zendesk.com/attachments/token/x/",
    ],
)
def test_zendesks_storage_is_asked_without_credentials(url: str) -> None:
    assert ACME.allows(url)
    assert ACME.headers(url) == [{}]


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.zendesk.com/api/v2/users/me.json",
        "https://acme.zendesk.com/API/v2/users/me.json",
        "https://acme.zendesk.com/attachments/../api/v2/users",
        "https://acme.zendesk.com//api/v2/users",
        "https://acme.zendesk.com/%61pi/v2/users",
    ],
)
def test_the_api_is_never_asked_for_a_file_with_credentials(url: str) -> None:
    assert ACME.headers(url) == [{}]


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.zendesk.com/attachments/x",
        "https://acme.zendesk.com:8443/attachments/x",
        "https://acme.zendesk.com@evil.example/x",
        "https://acme.zendesk.com\\@evil.example/x",
        "https://evil.example/?https://acme.zendesk.com/",
        "https://evilzendesk.com/x",
        "https://zendesk.com.evil.example/x",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/x",
        "http://localhost/x",
        "file:///etc/passwd",
        "https://acme.zendesk.com/a b",
        "",
    ],
)
def test_nobody_else_is_asked(url: str) -> None:
    assert not ACME.allows(url)
    assert ACME.headers(url) == [{}]


def test_an_account_on_this_machine_may_have_its_files_here() -> None:
    here = ZendeskFiles(base_url="http://127.0.0.1:8090", authorization="Bearer secret")

    assert here.is_near
    assert here.allows("http://127.0.0.1:9999/file/x")
    assert here.headers("http://127.0.0.1:9999/file/x") == [{}]
    assert not here.allows("https://evil.example/x")
    assert not ACME.is_near
    assert "secret" not in repr(ACME)
