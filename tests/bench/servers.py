"""The processes that are measured, each on its core, and what the kernel says of them."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.bench.load import ACCOUNT, PUBLIC_URL, TOKEN
from tests.flows.conftest import free_port

__all__ = ["FarSide", "Process", "bridge", "cores", "environment", "free_port", "pin_here"]

ROOT: Final = Path(__file__).parent.parent.parent
API_TOKEN: Final = "bench-api-token"
LONGEST_START_S: Final = 60.0
LONGEST_END_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cores:
    """Which cores the servers have, and which the load and the far sides. With one core: both."""

    servers: frozenset[int]
    load: frozenset[int]


def cores() -> Cores:
    """The last of this machine's cores is the server's, the others are for what drives it."""
    return _CORES


def _cores() -> Cores:
    every = sorted(os.sched_getaffinity(0))
    if len(every) < 2:
        return Cores(servers=frozenset(every), load=frozenset(every))
    return Cores(servers=frozenset(every[-1:]), load=frozenset(every[:-1]))


_CORES = _cores()  # before anybody is pinned


def pin_here() -> None:
    """Keep this process, which sends the load, off the servers' core."""
    os.sched_setaffinity(0, cores().load)


class Process:
    """A process on its cores, from a `with` on: then `path` is answered with `status`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        port: int,
        environment: Mapping[str, str] | None = None,
        on: frozenset[int] | None = None,
        path: str = "/readyz",
        status: int = 200,
        folder: Path = ROOT,
    ) -> None:
        self.port = port
        self.started_in_s = 0.0
        self._arguments = arguments
        self._environment = {**os.environ, **(environment or {})}
        self._on = cores().servers if on is None else on
        self._path = path
        self._status = status
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        began = time.monotonic()
        self._process = subprocess.Popen(
            self._arguments,
            env=self._environment,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.sched_setaffinity(self._process.pid, self._on)
        try:
            self._wait_until_up(began)
        except BaseException:
            self.kill()
            raise
        self.started_in_s = time.monotonic() - began
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its number, also of its group."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """Ask it to stop; after a while make it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """What a crash does: SIGKILL, to all of its group."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)
            self._process.wait()
            self._process = None

    def family(self) -> list[int]:
        """Its number and those of the processes that it has begun."""
        found = [self.pid]
        for each in found:
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found

    def memory_mb(self) -> float:
        """Resident memory of it and its children, in MB of 1,000,000 bytes."""
        pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in self.family())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def cpu_s(self) -> float:
        """The processor's time that all its threads have used."""
        # What clock_getcpuclockid(3) returns, which Python has for threads alone.
        return time.clock_gettime((~self.pid << 3) | 2)

    def get(self, path: str, method: str = "GET") -> Any:  # noqa: ANN401 - JSON
        """Ask it for some JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {API_TOKEN}"}
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise OSError(f"{path} was answered with {answer.status}")
        return json.loads(body or b"null")

    def _wait_until_up(self, began: float) -> None:
        while True:
            assert self._process is not None
            if self._process.poll() is not None:
                raise OSError(f"{self._arguments} ended with {self._process.returncode}")
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", self._path)
                status = connection.getresponse().status
                connection.close()
                if status == self._status:
                    return
            if time.monotonic() - began > LONGEST_START_S:
                raise OSError(f"{self._arguments} does not answer")
            time.sleep(0.005)


class FarSide(Process):
    """Zendesk and Twilio in one, as quick as they can be: `far_side.py`, off the servers' core."""

    def __init__(self) -> None:
        port = free_port()
        super().__init__(
            [sys.executable, "-m", "tests.bench.far_side", str(port)], port=port, on=cores().load
        )

    @property
    def url(self) -> str:
        """Where both of them are."""
        return f"http://127.0.0.1:{self.port}"

    def set(self, **changes: float) -> None:
        """Change how it answers: see `far_side.World`."""
        self.get("/bench/set?" + "&".join(f"{key}={value}" for key, value in changes.items()))

    def calls(self) -> Mapping[str, int]:
        """How many calls of each kind have come."""
        found: Mapping[str, int] = self.get("/bench/calls")
        return found

    def texts(self) -> Mapping[int, tuple[int, float]]:
        """For each text that came: how often, and when first (monotonic seconds)."""
        found = self.get("/bench/texts")
        return {int(number): (times, first) for number, (times, first) in found.items()}


def environment(database: str, port: int, far_side: FarSide | None = None) -> dict[str, str]:
    """A bridge's settings, durable and whole; the limits are those of a Zendesk account."""
    far_url = "http://127.0.0.1:9" if far_side is None else far_side.url
    return {
        "BRIDGE_DATABASE_URL": database,
        "BRIDGE_PORT": str(port),
        "BRIDGE_PUBLIC_URL": PUBLIC_URL,
        "BRIDGE_SECRET_KEY": "0123456789abcdef" * 2,
        "BRIDGE_API_TOKEN": API_TOKEN,
        "BRIDGE_ZENDESK_URL": far_url,
        "BRIDGE_ZENDESK_EMAIL": "bench@acme.example",
        "BRIDGE_ZENDESK_API_TOKEN": "token",
        "BRIDGE_TWILIO_ACCOUNT_SID": ACCOUNT,
        "BRIDGE_TWILIO_AUTH_TOKEN": TOKEN,
        "BRIDGE_TWILIO_API_URL": far_url,
    }


def bridge(
    database: str,
    far_side: FarSide | None = None,
    changes: Mapping[str, str] | None = None,
    *,
    on: frozenset[int] | None = None,
    python: str = sys.executable,
) -> Process:
    """A bridge of its own, as `bridge serve` runs it; `changes` are settings that differ."""
    port = free_port()
    return Process(
        [python, "-m", "bridge", "serve"],
        port=port,
        environment=environment(database, port, far_side) | dict(changes or {}),
        on=on,
    )
