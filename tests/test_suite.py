"""The suite's own promises: no test leaves the machine, no skip goes unseen."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from tests.flows.conftest import free_port

ROOT = Path(__file__).parent.parent

SKIPPING_SUITE = """
import pytest

def test_that_runs() -> None:
    assert True

@pytest.mark.skipif(True, reason="no browser here")
def test_that_needs_a_browser() -> None:
    assert False
"""


@pytest.mark.parametrize(
    "address",
    [("192.0.2.1", 80), ("198.51.100.7", 443), ("0.0.0.0", 80)],
    ids=["documentation net", "another", "every interface"],
)
def test_connecting_to_another_machine_is_refused(
    address: tuple[str, int], refused_addresses: list[str]
) -> None:
    with socket.socket() as connection, pytest.raises(PermissionError, match="this machine"):
        connection.connect(address)

    assert len(refused_addresses) == 1
    refused_addresses.clear()


def test_listening_to_other_machines_is_refused(refused_addresses: list[str]) -> None:
    with socket.socket() as listener, pytest.raises(PermissionError):
        listener.bind(("0.0.0.0", 0))

    assert len(refused_addresses) == 1
    refused_addresses.clear()


def test_looking_up_a_name_is_refused(refused_addresses: list[str]) -> None:
    with pytest.raises(PermissionError):
        socket.getaddrinfo("example.com", 443)

    assert refused_addresses == ["socket.getaddrinfo 'example.com'"]
    refused_addresses.clear()


def test_a_reserved_name_does_not_resolve() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("carrier.invalid", 443)


def test_loopback_is_allowed() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_a_port_stays_its_owners_between_two_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    drawn = chain([port, port], iter(lambda: random.randrange(20_000, 30_000), 0))
    monkeypatch.setattr("tests.flows.conftest.NOBODYS.randrange", lambda *_: next(drawn))
    for _ in range(2):
        with socket.create_server(("127.0.0.1", port)):
            pass  # killed, say

    assert free_port() != port


def run_suite(
    folder: Path, content: str, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest over one file beside a copy of our conftest, as a process of its own."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_sample.py").write_text(content)
    inherited = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    inherited.pop("BRIDGE_TESTS_NO_SKIP", None)
    inherited["PYTHONPATH"] = str(ROOT)
    inherited["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # half the time would go into loading them
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "xdist",
            *options,
            str(folder),
        ],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_a_skip_is_named_with_its_reason(tmp_path: Path) -> None:
    run = run_suite(tmp_path, SKIPPING_SUITE)

    assert run.returncode == 0, run.stdout
    assert "1 skipped: no browser here" in run.stdout
    assert "test_that_needs_a_browser" in run.stdout
    assert "1 passed, 1 skipped" in run.stdout.splitlines()[-1]


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["one process", "two processes"])
def test_a_skip_fails_the_full_check(tmp_path: Path, options: list[str]) -> None:
    run = run_suite(tmp_path, SKIPPING_SUITE, *options, BRIDGE_TESTS_NO_SKIP="1")

    assert run.returncode == 1, run.stdout
    assert "this run has failed" in run.stdout
    assert "1 passed, 1 skipped" in run.stdout.splitlines()[-1]


def test_a_whole_file_that_is_skipped_fails_the_full_check(tmp_path: Path) -> None:
    skipped_file = "import pytest\npytest.importorskip('no_such_module_anywhere')\n"

    run = run_suite(tmp_path, skipped_file + SKIPPING_SUITE, BRIDGE_TESTS_NO_SKIP="1")

    assert run.returncode != 0, run.stdout
    assert "no_such_module_anywhere" in run.stdout


def test_a_test_that_hides_its_call_to_another_machine_fails(tmp_path: Path) -> None:
    hiding = """
import socket

def test_that_hides_it() -> None:
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError:
        pass
"""

    run = run_suite(tmp_path, hiding)

    assert run.returncode == 1, run.stdout
    assert "left this machine" in run.stdout
