"""The file that SQLite keeps everything in: whether it can be trusted, who has it, its copies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import sqlite3
from pathlib import Path
from typing import IO, Final

from bridge.errors import UserMistake

# Locks and flushes of these reach another machine, or are said to: SQLite's log needs shared
# memory between all who have the file (sqlite.org/wal.html), which none of them can give.
NETWORK: Final = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "pvfs2", "smb", "smb2", "smb3", "smbfs"),
        *("fuse.cephfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"),
        *("fuse.s3fs", "fuse.sshfs"),
    }
)
MOUNTS: Final = Path("/proc/self/mountinfo")
RESTORE: Final = (
    "stop the service and put a copy made by `bridge backup` in its place, without the -wal and "
    "-shm beside it (docs/operations.md, Backup and restore)"
)
RUINED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
UNFINISHED: Final = ".unfinished"
WAL_HEADER: Final = 32  # bytes
MARK: Final = "INSERT OR REPLACE INTO meta (name, value) VALUES ('restored', ?)"


def refuse_network(path: Path, mounts: Path = MOUNTS) -> None:
    """Refuse a file that is not on a disk of this machine. Raises UserMistake."""
    try:
        found = file_system_of(path, mounts.read_text(encoding="utf-8", errors="replace"))
    except OSError:  # not Linux
        return
    if found in NETWORK:
        raise UserMistake(
            f"BRIDGE_DATABASE_URL: {path} is on a network file system ({found}), which can't keep "
            "what SQLite commits; name a file on a disk of this machine, or use PostgreSQL"
        )


def file_system_of(path: Path, mountinfo: str) -> str | None:
    """The kind of the file system that a path is on, by /proc/self/mountinfo (proc(5))."""
    where = os.path.realpath(path)
    best, found = "", None
    for line in mountinfo.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if not separator or len(fields) < 5:
            continue
        mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        inside = where == mount or where.startswith(mount.rstrip("/") + "/")
        # Of two at one place the later covers the earlier.
        if inside and len(mount) >= len(best):
            best, found = mount, _kind(kind)
    return found


def _kind(fields: list[str]) -> str:
    """9p serves other machines, a virtual machine's host, and Windows' disks; over a bare pipe it
    is the root of a container whose own kernel does the flushing."""
    options = fields[2] if len(fields) > 2 else ""
    if fields[0] == "9p" and "trans=fd" in options and "aname=drvfs" not in options:
        return "9p over a pipe"
    return fields[0]


def ruined(path: str, why: object) -> UserMistake:
    """What to say of a file that can't be used any more."""
    return UserMistake(f"BRIDGE_DATABASE_URL: {path} is damaged ({why}): {RESTORE}")


def is_ruined(error: BaseException) -> bool:
    """Whether SQLite says that the file is damaged, or is no database at all."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF in RUINED


def is_empty(path: str) -> bool:
    """Whether there is nothing at this path yet."""
    return not Path(path).exists() or Path(path).stat().st_size == 0


def refuse_remains(path: str) -> None:
    """Refuse where SQLite would take the log of a lost or damaged database for rubbish and throw
    it away, with all that it holds. Raises UserMistake."""
    wal = Path(f"{path}-wal")
    if not wal.exists() or wal.stat().st_size < WAL_HEADER:
        return
    if is_empty(path):
        raise UserMistake(
            f"BRIDGE_DATABASE_URL: {path} is missing, and {wal.name} beside it holds what was "
            f"committed last: bring the file back, or {RESTORE}"
        )
    with wal.open("rb") as log_file:  # another file than the one whose locks matter
        magic = log_file.read(4)
    if magic not in {b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", bytes(4)}:
        raise ruined(str(wal), "it does not begin as SQLite's log does")


def touch_private(path: str) -> None:
    """Make the file so that only its owner can read it: it holds numbers and texts. SQLite gives
    the files beside it (-wal, -shm) the same mode.

    Never opens one that is there: closing it again would drop the locks that SQLite holds on it
    in this process (POSIX locks belong to the process, not to the open file), and two writers
    would then ruin it.
    """
    with contextlib.suppress(OSError):  # it exists; or SQLite says better what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def take_lock(path: str) -> IO[str]:
    """Keep every other service away from this file, as long as what is returned stays open.

    Raises UserMistake.
    """
    handle = Path(path).open("a+", encoding="ascii")  # noqa: SIM115 - held as long as we run
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise UserMistake(
            "another `bridge serve` uses this SQLite file already; one at a time can"
        ) from error
    return handle


def back_up(connection: sqlite3.Connection, path: str, now_ms: int) -> None:
    """Copy everything to a new file, which is there only once it is whole. Raises UserMistake.

    The copy is marked: a service that starts from it looks before it sends (restored.py beside).
    """
    if Path(path).exists():
        raise UserMistake(f"{path}: exists already; a backup never overwrites")
    unfinished = path + UNFINISHED
    try:
        Path(unfinished).unlink(missing_ok=True)  # of a backup that was killed
        touch_private(unfinished)
        _copy(connection, unfinished, now_ms)
        Path(unfinished).rename(path)
        _flush_folder(Path(path).parent)
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            Path(unfinished).unlink(missing_ok=True)
        raise UserMistake(f"{path}: the backup can't be written: {error}") from error


def _copy(connection: sqlite3.Connection, path: str, now_ms: int) -> None:
    target = sqlite3.connect(path, isolation_level=None)
    try:
        connection.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, and nothing beside it
        target.execute("PRAGMA synchronous = FULL")
        target.execute(MARK, (json.dumps({"taken": now_ms}),))
        found = target.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    finally:
        target.close()


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
