"""A disk that keeps only what was flushed, compiled from disk.c for one folder of a process."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

SOURCE = Path(__file__).with_name("disk.c")
Trouble = Literal[
    "flush-fails", "fold-fails", "write-fails", "is-full", "flush-kills", "fold-kills"
]


def compiled(shared: Path) -> Path:
    """The library, compiled by whoever asks first; skips the test where there is no compiler."""
    library = shared / "disk.so"
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: power cuts and broken disks need one (gcc, libc6-dev)")
    if not library.exists():
        mine = shared / f"disk-{os.getpid()}.so"
        made = subprocess.run(
            [compiler, "-O1", "-shared", "-fPIC", "-o", mine, SOURCE, "-ldl"],
            check=False,
            capture_output=True,
            text=True,
        )
        if made.returncode:
            pytest.skip(f"the C compiler can't compile here (libc6-dev?): {made.stderr[-200:]}")
        mine.rename(library)
    return library


class Disk:
    """The disk under `folder`. `kept` is what it holds on to; `acks` is a file of promises."""

    def __init__(self, library: Path, folder: Path, kept: Path) -> None:
        self.folder = folder.resolve()
        self.kept = kept.resolve()
        self.acks = self.kept / "acks"
        self.library = library
        self.folder.mkdir(exist_ok=True)
        self.kept.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        """What a process has to be started with."""
        return {
            "LD_PRELOAD": str(self.library),
            "DISK_FOLDER": str(self.folder),
            "DISK_KEPT": str(self.kept),
            "DISK_ACKS": str(self.acks),
        }

    def keep_what_is_there(self) -> None:
        """Take all that the folder holds as flushed, and nothing else."""
        for old in [*self.kept.glob("data-*"), *self.kept.glob("names")]:
            old.unlink()
        names = ""
        for file in self.folder.iterdir():
            inode = file.stat().st_ino
            shutil.copyfile(file, self.kept / f"data-{inode}")
            names += f"{inode} {file.name}\n"
        (self.kept / "names").write_text(names)

    @contextmanager
    def in_trouble(self, trouble: Trouble) -> Iterator[None]:
        """Let it fail for a while."""
        switch = self.kept / trouble
        switch.touch()
        yield
        switch.unlink()

    def cuts(self) -> list[Path]:
        """One for each flush: what was kept just before it."""
        return sorted((self.kept / "cuts").glob("*"))

    def promised_at(self, cut: Path) -> list[str]:
        """The lines of `acks` that were written before this cut."""
        return self.acks.read_bytes()[: int((cut / "acks").read_text())].decode().splitlines()

    def after_cut(self, target: Path, cut: Path | None = None) -> None:
        """Make `target` the folder as it is found after the power cut (None: one now)."""
        kept = self.kept if cut is None else cut
        target.mkdir()
        if not (kept / "names").exists():
            return
        for line in (kept / "names").read_text().splitlines():
            inode, _, name = line.partition(" ")
            flushed = kept / f"data-{inode}"
            if flushed.exists():
                shutil.copyfile(flushed, target / name)
            else:
                (target / name).touch()
