"""What holds for every test: nothing leaves this machine, and what was skipped is said."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests import postgres

NO_SKIP = "BRIDGE_TESTS_NO_SKIP"
LOOK_UPS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
CONTACTS = frozenset({"socket.connect", "socket.sendto", "socket.bind"})

# What is found must not depend on how busy the machine is.
hypothesis_settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("busy")

_attempts: list[str] = []


def _stays_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


def _refuse(what: str) -> None:
    # Noted as well as raised: code under test may take the error for a far side that is down.
    _attempts.append(what)
    raise PermissionError(f"tests stay on this machine: {what}")


def _guard(event: str, args: tuple[object, ...]) -> None:
    """Refuse every address but loopback, whichever library asks (an audit hook sees them all)."""
    if event in LOOK_UPS:
        host = args[0]
        if isinstance(host, str) and host.endswith(".invalid"):
            # Never resolves anywhere (RFC 6761), so the answer can be given without asking.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if not _stays_here(host):
            _refuse(f"{event} {host!r}")
    elif event in CONTACTS:
        connection, address = args[0], args[1]
        if (
            isinstance(connection, socket.socket)
            and connection.family in {socket.AF_INET, socket.AF_INET6}
            and isinstance(address, tuple)
            and not _stays_here(address[0])
        ):
            _refuse(f"{event} {address!r}")


sys.addaudithook(_guard)


@pytest.fixture(autouse=True)
def refused_addresses() -> Iterator[list[str]]:
    """What this test tried to reach outside; it fails unless it empties the list itself."""
    _attempts.clear()
    yield _attempts
    if _attempts:
        pytest.fail(f"left this machine: {', '.join(_attempts)}")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the run's PostgreSQL server; whoever needs it is skipped where there is none."""
    folder = tmp_path_factory.getbasetemp()
    try:
        return postgres.server_url(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)
    except postgres.NoServer as error:
        pytest.skip(str(error))


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    with postgres.schema(postgres_server) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """The engine under test: whoever asks for it, however indirectly, runs on both."""
    return str(request.param)


@pytest.fixture
def store_url(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The URL of a store with nothing in it."""
    if engine == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'bridge.db'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, so that it can be chosen or left out."""
    for item in items:
        wants = (
            item.callspec.params.get("engine")
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else None
        )
        if wants == "postgres" or "postgres_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)


def _skips(reporter: pytest.TerminalReporter) -> dict[str, list[str]]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for report in reporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        by_reason[reason.removeprefix("Skipped: ")].append(report.nodeid)
    return by_reason


def _reporter(config: pytest.Config) -> pytest.TerminalReporter | None:
    plugin = config.pluginmanager.get_plugin("terminalreporter")
    return plugin if isinstance(plugin, pytest.TerminalReporter) else None


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a run with skips into a failed one where nothing may be skipped (.ci/run)."""
    reporter = _reporter(session.config)
    if reporter is None or hasattr(session.config, "workerinput"):
        return
    if os.environ.get(NO_SKIP) and _skips(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped and why, just before pytest's closing line."""
    by_reason = _skips(terminalreporter)
    if not by_reason:
        return
    terminalreporter.section("skipped, and why")
    for reason, tests in sorted(by_reason.items()):
        terminalreporter.line(f"{len(tests)} skipped: {reason}")
        for test in tests[:5]:
            terminalreporter.line(f"    {test}")
        if len(tests) > 5:
            terminalreporter.line(f"    and {len(tests) - 5} more")
    if os.environ.get(NO_SKIP):
        terminalreporter.line(f"{NO_SKIP} is set, so this run has failed.", red=True)
