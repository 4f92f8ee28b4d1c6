"""The peers: how each is installed, started, asked, and where what it has kept can be counted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from tests.bench.load import SENDER, body_of, number_of, webhook
from tests.bench.prepare import know_customers, set_up
from tests.bench.servers import FarSide, Process, bridge, free_port
from tests.bench.through import NO_LIMITS

HERE: Final = Path(__file__).parent
INSTALL_S: Final = 600.0
NODE_RED: Final = "node-red@4"
TUTORIAL: Final = ("flask", "gunicorn", "requests")
BEARERBOX, SMSBOX = Path("/usr/sbin/bearerbox"), Path("/usr/sbin/smsbox")


class NotHere(Exception):
    """A peer can't be had on this machine; the text says why."""


class Peer(ABC):
    """One way to get texts to where agents are."""

    name: str
    title: str
    reaches_desk: bool = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def install(self, customers: int) -> None:
        """Make it ready to be started, for so many customers. Raises NotHere."""

    @abstractmethod
    def start(self, far_side: FarSide) -> Process:
        """The process, not yet entered; a second one goes on where the first was killed."""

    def request(self, number: int) -> bytes:
        """The request with this text, from a customer of its own."""
        return webhook(number, number)

    def kept(self) -> int:
        """How many texts it has kept, where they can be counted only there."""
        return 0


class Bridge(Peer):
    """The bridge itself, durable as ever."""

    name, title = "bridge", "the bridge"

    @property
    def _url(self) -> str:
        return f"sqlite:///{self.folder / 'bench.db'}"

    def install(self, customers: int) -> None:
        """Make its database; the others don't look for users either."""
        set_up(self._url)
        know_customers(self._url, 0, customers, linked=False)

    def start(self, far_side: FarSide) -> Process:
        """As it runs in production."""
        return bridge(self._url, far_side, NO_LIMITS)


class Tutorial(Peer):
    """Flask behind gunicorn, Zendesk called within the webhook."""

    name, title = "tutorial", "tutorial shape: Flask, gunicorn, 40 threads"

    def install(self, customers: int) -> None:
        """An environment of its own."""
        run(sys.executable, "-m", "venv", str(self.folder / "env"))
        run(str(self.folder / "env" / "bin" / "pip"), "install", "--quiet", *TUTORIAL)
        shutil.copy(HERE / "tutorial_app.py", self.folder)

    def start(self, far_side: FarSide) -> Process:
        """One worker, as it has one core."""
        port = free_port()
        gunicorn = str(self.folder / "env" / "bin" / "gunicorn")
        command = [gunicorn, "--workers", "1", "--threads", "40", "--bind", f"127.0.0.1:{port}"]
        return Process(
            [*command, "tutorial_app:app"],
            port=port,
            environment={"ZENDESK_URL": far_side.url},
            folder=self.folder,
        )


class NodeRed(Peer):
    """Node-RED: http in, function, http request, http response."""

    name, title = "node_red", "Node-RED, answers when Zendesk has"

    def install(self, customers: int) -> None:
        """From npm."""
        if shutil.which("npm") is None:
            raise NotHere("npm is not installed")
        run("npm", "install", "--prefix", str(self.folder), "--no-audit", "--no-fund", NODE_RED)

    def start(self, far_side: FarSide) -> Process:
        """Without its editor, which production has no need of."""
        port = free_port()
        flow = (HERE / "node_red_flow.json").read_text(encoding="utf-8")
        (self.folder / "flow.json").write_text(flow.replace("ZENDESK_URL", far_side.url))
        (self.folder / "settings.js").write_text(
            "module.exports = {uiHost: '127.0.0.1', httpAdminRoot: false, "
            "flowFile: 'flow.json', logging: {console: {level: 'off'}}}"
        )
        red = str(self.folder / "node_modules" / "node-red" / "red.js")
        folder = str(self.folder)
        settings = str(self.folder / "settings.js")
        command = ["node", red, "--port", str(port), "--userDir", folder, "--settings", settings]
        return Process(command, port=port, folder=self.folder)


class Kannel(Peer):
    """Kannel's sendsms with its spool: no Zendesk, texts the other way, but a queue on the disk."""

    name, title, reaches_desk = "kannel", "Kannel, sendsms with spool (no Zendesk)", False

    def install(self, customers: int) -> None:
        """Debian's: it can't be put elsewhere."""
        if not all(os.access(path, os.X_OK) for path in (BEARERBOX, SMSBOX)):
            raise NotHere("it is not installed (Debian: apt-get install kannel)")
        (self.folder / "store").mkdir()

    def start(self, far_side: FarSide) -> Process:
        """Both boxes."""
        ports = {f"{name}_PORT": free_port() for name in ("ADMIN", "BOX", "SMSC", "SENDSMS")}
        text = (HERE / "kannel.conf").read_text(encoding="ascii")
        for name, value in {**ports, "FOLDER": self.folder}.items():
            text = text.replace(name, str(value))
        file = self.folder / "kannel.conf"
        file.write_text(text, encoding="ascii")
        both = f"{BEARERBOX} {file} & sleep 1; exec {SMSBOX} {file}"
        return Process(
            ["/bin/sh", "-c", both],
            port=ports["SENDSMS_PORT"],
            path="/cgi-bin/sendsms",
            status=403,
            folder=self.folder,
        )

    def request(self, number: int) -> bytes:
        """A text to be sent."""
        query = {"username": "bench", "password": "bench", "from": SENDER, "to": number_of(number)}
        target = "/cgi-bin/sendsms?" + urlencode(query | {"text": body_of(number)})
        return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()

    def kept(self) -> int:
        """One file each."""
        return sum(file.is_file() for file in (self.folder / "store").rglob("*"))


KINDS: Final = (Bridge, NodeRed, Tutorial, Kannel)


def run(*command: str) -> None:
    """Run an installer. Raises NotHere."""
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or b""
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise NotHere(f"{command[0]} failed: {' '.join(last) or type(error).__name__}") from error
