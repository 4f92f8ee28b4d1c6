"""A start is refused where going on would lose what was kept, and says what to do instead."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.errors import UserMistake
from bridge.settings import load_settings
from bridge.store.database import Transaction
from bridge.store.sqlite import SqliteDatabase
from bridge.store.sqlite_file import file_system_of, refuse_network
from tests.desks.scripted import HandClock
from tests.stores import opened

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /srv rw,relatime shared:1 - nfs4 filer:/export rw,vers=4.2
31 30 254:1 / /srv/local\\040disk rw,relatime - xfs /dev/vdb rw
32 22 0:41 / /home/a rw - fuse.sshfs me@there: rw
33 22 0:42 / /mnt/c rw - 9p C:\\134 rw,aname=drvfs;path=C:\\134,trans=fd,rfd=5,wfd=5
34 22 0:43 / /sandbox rw - 9p none rw,trans=fd,rfdno=4,wfdno=4,aname=/
35 22 0:44 / /over rw - ext4 /dev/vdc rw
36 35 0:45 / /over rw - cifs //there/share rw
"""


def put(name: str) -> Callable[[Transaction], int]:
    return lambda tx: tx.run("INSERT INTO meta (name, value) VALUES ($1, 'x')", name)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/var/lib/bridge.db", "ext4"),
        ("/srv/bridge.db", "nfs4"),
        ("/srv/local disk/bridge.db", "xfs"),
        ("/srv/local disks/bridge.db", "nfs4"),
        ("/home/a/b/bridge.db", "fuse.sshfs"),
        ("/mnt/c/bridge.db", "9p"),
        ("/sandbox/bridge.db", "9p over a pipe"),
        ("/over/bridge.db", "cifs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_innermost_mount(path: str, found: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == found


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.glusterfs"])
def test_a_file_on_another_machine_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / /data rw - {kind} there rw\n")

    with pytest.raises(UserMistake, match=rf"network file system \({kind}\).*use PostgreSQL"):
        refuse_network(Path("/data/bridge.db"), mounts)
    refuse_network(Path("/database/bridge.db"), mounts)


async def test_a_start_looks_where_the_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("1 0 0:1 / / rw - nfs4 there:/ rw\n")
    monkeypatch.setattr(refuse_network, "__defaults__", (mounts,))

    with pytest.raises(UserMistake, match="network file system"):
        async with opened(SqliteDatabase(str(tmp_path / "bridge.db"), HandClock())):
            pass

    assert not (tmp_path / "bridge.db").exists()


async def filled(path: Path) -> None:
    """A database of some pages, properly closed."""

    def fill(tx: Transaction) -> None:
        for number in range(200):
            tx.run("INSERT INTO meta (name, value) VALUES ($1, $2)", f"n{number:03}", "x" * 500)

    async with opened(SqliteDatabase(str(path), HandClock())) as database:
        await database.write(fill)


@pytest.mark.parametrize("at", [0, 100, 4096 * 12], ids=["header", "first page", "a later page"])
async def test_a_damaged_file_is_refused_with_words_how_to_restore(tmp_path: Path, at: int) -> None:
    path = tmp_path / "bridge.db"
    await filled(path)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(os.urandom(3000))
    before = path.read_bytes()

    with pytest.raises(UserMistake, match=r"damaged.*bridge backup"):
        async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)):
            pass

    assert path.read_bytes() == before  # nothing was made in its place


def left_behind(path: Path) -> None:
    """The file and its log as a killed process leaves them."""
    source = sqlite3.connect(path)
    source.execute("INSERT INTO meta (name, value) VALUES ('last', 'x')")
    source.commit()
    killed = path.with_name("killed")
    killed.mkdir()
    for suffix in ("", "-wal"):
        (killed / f"bridge.db{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    source.close()


@pytest.mark.parametrize("what", ["gone", "emptied"])
async def test_a_log_whose_database_is_gone_is_not_thrown_away(tmp_path: Path, what: str) -> None:
    await filled(tmp_path / "bridge.db")
    left_behind(tmp_path / "bridge.db")
    path = tmp_path / "killed" / "bridge.db"
    path.unlink()
    if what == "emptied":
        path.touch()
    log = path.with_name("bridge.db-wal").read_bytes()

    with pytest.raises(UserMistake, match=r"missing.*bridge\.db-wal"):
        async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)):
            pass

    assert path.with_name("bridge.db-wal").read_bytes() == log


async def test_a_log_that_is_damaged_at_its_head_is_refused(tmp_path: Path) -> None:
    await filled(tmp_path / "bridge.db")
    left_behind(tmp_path / "bridge.db")
    path = tmp_path / "killed" / "bridge.db"
    with path.with_name("bridge.db-wal").open("r+b") as log:
        log.write(b"Dear diary, I am no log.")

    with pytest.raises(UserMistake, match=r"bridge\.db-wal is damaged.*bridge backup"):
        async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)):
            pass


async def test_a_log_that_was_cut_short_is_taken_up_to_its_last_whole_commit(
    tmp_path: Path,
) -> None:
    # Nothing tells it from the log of a power cut, whose last commit nobody was promised.
    await filled(tmp_path / "bridge.db")
    left_behind(tmp_path / "bridge.db")
    path = tmp_path / "killed" / "bridge.db"
    log = path.with_name("bridge.db-wal")
    os.truncate(log, log.stat().st_size - 100)

    async with opened(SqliteDatabase(str(path), HandClock(), exclusive=True)) as database:
        kept = await database.read(lambda tx: tx.all("SELECT name FROM meta"))
        assert len(kept) == 200
        assert await database.write(put("goes on")) == 1


async def test_where_there_has_to_be_a_database_none_is_made(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    settings = load_settings({"BRIDGE_DATABASE_URL": f"sqlite:///{path}?mode=rw"}, env_file=None)
    assert (settings.database_path, settings.database_must_exist) == (path, True)
    database = SqliteDatabase(str(path), HandClock(), exclusive=True, must_exist=True)

    with pytest.raises(UserMistake, match=r"no database at .*mode=rw.*mounted"):
        async with opened(database):
            pass
    assert not path.exists()

    await filled(path)
    async with opened(database):
        assert await database.write(put("goes on")) == 1
