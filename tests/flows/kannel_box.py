"""Debian's Kannel for real, with its fake SMSC, on loopback and on deploy/'s own configuration."""

from __future__ import annotations

import asyncio
import os
import re
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote_to_bytes

import aiohttp
import pytest

from tests.flows.conftest import eventually, free_port

ROOT = Path(__file__).parent.parent.parent
BEARERBOX, SMSBOX = Path("/usr/sbin/bearerbox"), Path("/usr/sbin/smsbox")
FAKE_SMSC = Path("/usr/lib/kannel/test/fakesmsc")
BETWEEN_TEXTS_S = 1.3  # the fake SMSC sends one a second, and loses what is typed faster
SLOW_S = 30.0
TOKEN = "a-token-of-the-tests"
PASSWORD = "sendsms-password"
_GOT = re.compile(r"Got message \d+: <(\S+) (\S+) (text|ucs-2|data) ?(.*)>$")


def require_kannel() -> None:
    """Skip where Kannel is not installed."""
    if not all(os.access(path, os.X_OK) for path in (BEARERBOX, SMSBOX, FAKE_SMSC)):
        pytest.skip("Kannel is not installed (Debian: apt-get install kannel kannel-extras)")


class KannelBox:
    """bearerbox, smsbox, and the fake SMSC with the customers' phones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {name: free_port() for name in ("admin", "smsbox", "sendsms", "smsc")}
        self._running: dict[str, Process] = {}
        self._reading: asyncio.Task[None] | None = None
        self._lines: list[str] = []
        self._typed_at = 0.0

    @property
    def settings(self) -> dict[str, str]:
        """The bridge's settings for it."""
        return {
            "BRIDGE_KANNEL_API_URL": f"http://127.0.0.1:{self._ports['sendsms']}",
            "BRIDGE_KANNEL_USERNAME": "bridge",
            "BRIDGE_KANNEL_PASSWORD": PASSWORD,
            "BRIDGE_KANNEL_WEBHOOK_TOKEN": TOKEN,
        }

    async def start(self, *, bridge_url: str) -> None:
        """Start all three, in the order that they need."""
        self._write_configuration(bridge_url)
        await self._spawn("bearerbox", BEARERBOX)
        await eventually(self._answers, within_s=SLOW_S)
        await self.start_smsbox()
        self._reading = asyncio.create_task(self._read_phones(await self._start_phones()))
        await eventually(self._is_online, within_s=SLOW_S)

    async def start_smsbox(self) -> None:
        """Start the box that speaks HTTP, and wait until it listens."""
        await self._spawn("smsbox", SMSBOX)
        await eventually(self._listens, within_s=SLOW_S)

    async def stop_smsbox(self) -> None:
        """End the box that speaks HTTP."""
        await self._end(self._running.pop("smsbox"))

    async def stop(self) -> None:
        """End all that runs."""
        if self._reading is not None:
            self._reading.cancel()
        for process in reversed(list(self._running.values())):
            await self._end(process)

    async def type_text(self, customer: str, to: str, words: str) -> None:
        """Have a customer's phone text a number of ours; what GSM lacks goes as UCS-2."""
        if words.isascii():
            line = f"{customer} {to} text {words}"
        else:
            encoded = "".join(f"%{byte:02x}" for byte in words.encode("utf-16-be"))
            line = f"{customer} {to} ucs2 {encoded}"
        await self.type_line(line)

    async def type_line(self, line: str) -> None:
        """Type a line into the fake SMSC, not faster than it can take them."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._typed_at + BETWEEN_TEXTS_S - loop.time()))
        stdin = self._running["phones"].stdin
        assert stdin is not None
        stdin.write(f"{line}\n".encode())
        await stdin.drain()
        self._typed_at = loop.time()

    def on_phone(self, customer: str) -> list[tuple[str, str]]:
        """The texts on a customer's phone, part by part: from, words."""
        found = []
        for line in self._lines:
            got = _GOT.search(line)
            if got is not None and got[2] == customer:
                found.append((got[1], _words(got[3], got[4])))
        return found

    def lines_with(self, word: str) -> list[str]:
        """What the fake SMSC said of texts of this kind ("udh": parts of a long one)."""
        return [line for line in self._lines if "Got message" in line and f" {word} " in line]

    def _write_configuration(self, bridge_url: str) -> None:
        for folder in ("store", "dlr"):
            (self._folder / folder).mkdir(parents=True)
        deployed = ROOT / "deploy" / "kannel"
        changes = {
            "13000": str(self._ports["admin"]),
            "13001": str(self._ports["smsbox"]),
            "13013": str(self._ports["sendsms"]),
            "change-me-sendsms": PASSWORD,
            "change-me-webhook": TOKEN,
            "http://127.0.0.1:8080": bridge_url,
            "/etc/kannel": str(self._folder),
            "/var/log/kannel": str(self._folder),
            "/var/spool/kannel": str(self._folder),
            "http-queue-delay = 5": "http-queue-delay = 1",
        }
        self._copy(deployed / "kannel.conf", "kannel.conf", changes)
        self._copy(deployed / "smsc-fake.conf", "smsc.conf", {"10000": str(self._ports["smsc"])})

    def _copy(self, source: Path, name: str, changes: Mapping[str, str]) -> None:
        text = source.read_text(encoding="utf-8")
        for written, ours in changes.items():
            assert written in text, written
            text = text.replace(written, ours)
        (self._folder / name).write_text(text, encoding="utf-8")

    async def _spawn(self, name: str, program: Path) -> None:
        output = (self._folder / f"{name}.out").open("ab")
        with output:
            self._running[name] = await asyncio.create_subprocess_exec(
                *(program, "-v", "4", self._folder / "kannel.conf"),
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
            )

    async def _start_phones(self) -> Process:
        phones = await asyncio.create_subprocess_exec(
            *(FAKE_SMSC, "-H", "127.0.0.1", "-r", str(self._ports["smsc"])),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
        )
        self._running["phones"] = phones
        return phones

    async def _read_phones(self, phones: Process) -> None:
        assert phones.stdout is not None
        async for line in phones.stdout:
            self._lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    async def _status(self) -> str:
        url = f"http://127.0.0.1:{self._ports['admin']}/status.txt?password=change-me-status"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                return await response.text()
        except aiohttp.ClientError:
            return ""

    async def _answers(self) -> bool:
        return bool(await self._status())

    async def _is_online(self) -> bool:
        return "(online" in await self._status()

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._ports["sendsms"])
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    async def _end(self, process: Process) -> None:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5.0)
            except TimeoutError:
                process.kill()
                await process.wait()


def _words(kind: str, written: str) -> str:
    if kind == "ucs-2":
        return unquote_to_bytes(written.replace("+", " ")).decode("utf-16-be")
    return written


@asynccontextmanager
async def kannel_box(folder: Path) -> AsyncIterator[KannelBox]:
    """A Kannel, not yet started; it is stopped at the end."""
    box = KannelBox(folder)
    try:
        yield box
    finally:
        await box.stop()
