"""What the faults need: a disk that can lose and fail, and a service of its own on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Protocol

import pytest

from bridge.sandbox.demo import Sandbox
from tests.faults.disk import Disk, compiled
from tests.flows.conftest import QUICK, free_port
from tests.flows.serving import Process


@pytest.fixture
def disk(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Disk:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return Disk(compiled(shared), tmp_path / "disk", tmp_path / "kept")


class OnDisk(Protocol):
    """Starts far sides, and a process whose SQLite file is on the disk."""

    def __call__(self, **changes: str) -> Awaitable[tuple[Sandbox, Process]]: ...


@pytest.fixture
async def serve_on_disk(disk: Disk, tmp_path: Path) -> AsyncIterator[OnDisk]:
    started: list[tuple[Sandbox, Process]] = []

    async def serve(**changes: str) -> tuple[Sandbox, Process]:
        settings = {
            **QUICK,
            "BRIDGE_HTTP_TIMEOUT": "5",
            "BRIDGE_SWEEP_INTERVAL": "1",
            "BRIDGE_DATABASE_URL": f"sqlite:///{disk.folder / 'sandbox.db'}",
            **changes,
        }
        sandbox = Sandbox(folder=tmp_path, port=free_port(), changes=settings)
        process = Process(sandbox, tmp_path, changes=disk.environment)
        started.append((sandbox, process))
        await sandbox.start_far_sides()
        await sandbox.set_up()
        disk.keep_what_is_there()
        await process.start()
        return sandbox, process

    yield serve
    for sandbox, process in started:
        await process.close()
        await sandbox.stop()


def cut_the_power(disk: Disk) -> None:
    """Have the folder hold what a power cut leaves; nobody may be using it."""
    after = disk.folder.with_name("after")
    disk.after_cut(after)
    shutil.rmtree(disk.folder)
    after.rename(disk.folder)
    disk.keep_what_is_there()
