"""A far side whose certificate is not right is not spoken to, and is waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from bridge.sandbox.demo import Sandbox
from tests.flows.cast import ACME, MAYA, ask, customer_comments, messages, only_ticket
from tests.flows.conftest import QUICK, NewStore, eventually, free_port
from tests.flows.serving import Process
from tests.flows.tls import TlsFront, expired

pytestmark = [pytest.mark.slow]

Issue = Callable[[trustme.CA], trustme.LeafCert]
WRONG: dict[str, tuple[Issue, str]] = {
    "expired": (expired, "certificate has expired"),
    "another host": (lambda ours: ours.issue_cert("acme.example"), "Hostname mismatch"),
    "untrusted": (lambda _ours: trustme.CA().issue_cert("localhost"), "unable to get local issuer"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A bridge that reaches its desk over TLS alone, and the authority that it trusts."""

    sandbox: Sandbox
    process: Process
    front: TlsFront
    authority: trustme.CA


@pytest.fixture
async def guarded(tmp_path: Path, new_store: NewStore) -> AsyncIterator[Guarded]:
    """The bridge as a process, not yet started, with a front that has no certificate yet."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    settings = {
        **QUICK,
        "BRIDGE_DATABASE_URL": new_store(tmp_path),
        "BRIDGE_HTTP_TIMEOUT": "10",  # a slow handshake is another fault than a wrong certificate
    }
    sandbox = Sandbox(folder=tmp_path, port=free_port(), changes=settings)
    await sandbox.start_far_sides()
    await sandbox.set_up()
    front = TlsFront(int(sandbox.zendesk.url.rpartition(":")[2]))
    await front.start()
    changes = {
        "BRIDGE_ZENDESK_URL": f"https://localhost:{front.port}",
        "SSL_CERT_FILE": str(tmp_path / "authority.pem"),
    }
    process = Process(sandbox, tmp_path, changes=changes)
    yield Guarded(sandbox=sandbox, process=process, front=front, authority=authority)
    await process.close()
    await front.stop()
    await sandbox.stop()


@pytest.mark.parametrize(("issue", "verdict"), WRONG.values(), ids=WRONG.keys())
async def test_desk_with_a_wrong_certificate_is_told_nothing_and_waited_for(
    guarded: Guarded, issue: Issue, verdict: str
) -> None:
    sandbox, front = guarded.sandbox, guarded.front
    front.present(issue(guarded.authority))
    asked_before = len(sandbox.zendesk.faults.requests)
    await guarded.process.start()

    await sandbox.twilio.customer_texts(MAYA, ACME, "hello")
    await eventually(lambda: _paused_for(guarded.process), within_s=60)

    reasons = _paused_for(guarded.process)
    assert all(f"certificate of localhost is not valid: {verdict}" in one for one in reasons)
    assert (front.requests, len(sandbox.zendesk.faults.requests)) == (0, asked_before)
    assert (await ask(sandbox, "failed"))["failed"] == []
    front.present(guarded.authority.issue_cert("localhost"))
    await eventually(lambda: _is_done(sandbox), within_s=60)
    assert customer_comments(only_ticket(sandbox)) == ["hello"]


def _paused_for(process: Process) -> list[str]:
    return [str(one["reason"]) for one in process.lines() if one["event"] == "account.paused"]


async def _is_done(sandbox: Sandbox) -> bool:
    return [one["state"] for one in await messages(sandbox)] == ["done"]
