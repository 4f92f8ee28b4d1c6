from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from bridge.cli.main import run
from bridge.clock import SystemClock
from bridge.store.database import Transaction
from tests.stores import choose_engines, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - a test reads it as it likes
        return json.loads(self.out)


Command = Callable[..., Ended]
Fill = Callable[[Callable[[Transaction], object]], None]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on PostgreSQL as well what is marked so."""
    choose_engines(metafunc)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine under test."""
    return str(request.param)


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """A working folder of its own, and no setting from outside but the database's address."""
    for name in list(os.environ):
        if name.startswith("BRIDGE_"):
            monkeypatch.delenv(name)
    if engine == "postgres":
        monkeypatch.setenv("BRIDGE_DATABASE_URL", request.getfixturevalue("postgres_url"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    structlog.reset_defaults()


@pytest.fixture
def bridge(folder: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command, run in this process."""

    def call(*arguments: str) -> Ended:
        capfd.readouterr()
        code = run(arguments)
        out, err = capfd.readouterr()
        return Ended(code=code, out=out, err=err)

    return call


@pytest.fixture
def fill(folder: Path) -> Fill:
    """Put rows into the database that the command will find."""
    where = os.environ.get("BRIDGE_DATABASE_URL", folder)

    async def write(transaction: Callable[[Transaction], object]) -> None:
        async with open_store(where, SystemClock()) as database:
            await database.write(transaction)

    return lambda transaction: asyncio.run(write(transaction))


async def run_process(*arguments: str, env: Mapping[str, str], cwd: Path) -> Ended:
    """The command as a process of its own, beside what runs in this one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridge",
        *arguments,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(code=process.returncode or 0, out=out.decode(), err=err.decode())
