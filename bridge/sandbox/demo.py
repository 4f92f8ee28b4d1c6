"""The sandbox: both fake far sides and the real bridge between them, in one process.

`bridge demo` puts the page in front of it; the tests drive it by its parts. The bridge runs as in
production: set up by `zendesk setup`'s code, its settings imported from a file, its far sides
reached over HTTP with signatures and tokens.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bridge.app import Service, carriers_of, rules_of, zendesk_api
from bridge.carriers.registry import answered_words
from bridge.clock import Clock, SystemClock
from bridge.databases import open_database
from bridge.domain.settings_file import parse
from bridge.http import HttpClient
from bridge.provisioning import plan_setup, set_up
from bridge.sandbox import story
from bridge.sandbox.brand import LONDON, SETTINGS
from bridge.sandbox.history import House, tell
from bridge.sandbox.page import add_page
from bridge.sandbox.roles import CHOOSER, add_roles
from bridge.sandbox.twilio import FakeTwilio
from bridge.sandbox.world import SandboxWorld
from bridge.sandbox.zendesk import FakeZendesk
from bridge.settings import Settings, load_settings
from bridge.store.settings import import_settings

CLIENT_ID = "sms_bridge"
SETUP_TIMEOUT_S = 10.0  # an operator waits longer than the service does


class Sandbox:
    """One bridge between its two fake far sides.

    `folder` keeps the database; `changes` are settings that differ from the sandbox's own.
    """

    def __init__(
        self,
        *,
        folder: Path,
        host: str = "127.0.0.1",
        port: int,
        clock: Clock | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.twilio = FakeTwilio(auth_token=secrets.token_hex(16), clock=self.clock)
        self._zendesk_secret = secrets.token_hex(16)
        self.zendesk = FakeZendesk(
            client_id=CLIENT_ID, client_secret=self._zendesk_secret, clock=self.clock
        )
        self._folder = folder
        self._host = host
        self._port = port
        self._changes = dict(changes or {})
        self._secrets = {
            "BRIDGE_SECRET_KEY": secrets.token_hex(32),
            "BRIDGE_API_TOKEN": secrets.token_hex(16),
        }
        self.service: Service | None = None
        self.settings: Settings | None = None

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "BRIDGE_DATABASE_URL": f"sqlite:///{self._folder / 'sandbox.db'}",
            "BRIDGE_HOST": self._host,
            "BRIDGE_PORT": str(self._port),
            "BRIDGE_ZENDESK_URL": self.zendesk.url,
            "BRIDGE_ZENDESK_CLIENT_ID": CLIENT_ID,
            "BRIDGE_ZENDESK_CLIENT_SECRET": self._zendesk_secret,
            "BRIDGE_TWILIO_ACCOUNT_SID": self.twilio.account_sid,
            "BRIDGE_TWILIO_AUTH_TOKEN": self.twilio.auth_token,
            "BRIDGE_TWILIO_API_URL": self.twilio.url,
            **self._secrets,
            **self._changes,
        }

    @property
    def url(self) -> str:
        """Where the bridge listens."""
        return f"http://{self._host}:{self._port}"

    @property
    def inbound_url(self) -> str:
        """Where the carrier brings texts."""
        return f"{self.url}/carriers/twilio/inbound#rc=5&rp=all"

    @property
    def api_token(self) -> str:
        """The bearer token of the bridge's API."""
        return self._environment["BRIDGE_API_TOKEN"]

    async def start_far_sides(self) -> None:
        """Start both fakes, with a number for each sender."""
        await self.twilio.start()
        await self.zendesk.start()
        for number in story.BRAND_NUMBERS:
            self.twilio.add_number(number.number, self.inbound_url, kind=number.kind)
        self.settings = load_settings(self._environment, env_file=None)

    async def set_up(self, settings_file: str = story.SETTINGS, *, with_past: bool = False) -> None:
        """Do what an operator does once: import the settings, run `zendesk setup`.

        `with_past`: some days of use are written before that, which the settings fit.
        """
        settings = self._made_settings()
        database = open_database(settings, self.clock)
        http = HttpClient(timeout_s=SETUP_TIMEOUT_S)
        await database.open()
        await http.open()
        try:
            words = answered_words()
            if with_past:
                await database.write(partial(tell, house=self._house(http)))
            file = parse(settings_file, words)
            await database.write(lambda tx: import_settings(tx, file, words, prune=False))
            api = zendesk_api(settings, http, self.clock)
            planned = await plan_setup(api, database, settings, close_after_h=24)
            await set_up(api, database, settings, planned)
        finally:
            await http.close()
            await database.close()

    def _house(self, http: HttpClient) -> House:
        settings = self._made_settings()
        return House(
            zendesk=self.zendesk,
            carrier=carriers_of(settings, lambda _name: http, self.clock)["twilio"],
            rules=rules_of(settings),
            words=answered_words(),
        )

    def make_service(self) -> Service:
        """The bridge, not yet started."""
        self.service = Service(self._made_settings(), clock=self.clock)
        return self.service

    async def start(self) -> None:
        """Start everything."""
        await self.start_far_sides()
        await self.set_up()
        await self.make_service().start()

    async def stop(self) -> None:
        """Stop everything."""
        if self.service is not None:
            await self.service.stop()
        await self.twilio.stop()
        await self.zendesk.stop()

    def _made_settings(self) -> Settings:
        assert self.settings is not None, "start_far_sides() first"  # noqa: S101 - a fault of ours
        return self.settings


@asynccontextmanager
async def playing(folder: Path, *, host: str, port: int) -> AsyncIterator[Sandbox]:
    """Everything that `bridge demo` shows, from a made-up past to the pages, until the end.

    Raises UserMistake where the port is taken.
    """
    sandbox = Sandbox(folder=folder, host=host, port=port)
    world = None
    try:
        await sandbox.start_far_sides()
        sandbox.twilio.add_number(LONDON, sandbox.inbound_url)
        await sandbox.set_up(SETTINGS, with_past=True)
        service = sandbox.make_service()
        world = SandboxWorld(
            twilio=sandbox.twilio,
            zendesk=sandbox.zendesk,
            bridge_url=sandbox.url,
            api_token=sandbox.api_token,
            since_ms=sandbox.clock.now_ms(),
        )
        add_page(service.app, world)
        add_roles(service.app)
        await world.open()
        await service.start()
        yield sandbox
    finally:
        if world is not None:
            await world.close()
        await sandbox.stop()


async def run_demo(settings: Settings, say: Callable[[str], None]) -> None:
    """Run the sandbox until it is interrupted; `say` hears where it is.

    Raises UserMistake where the port is taken.
    """
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as folder:
        async with playing(Path(folder), host=settings.host, port=settings.port) as sandbox:
            say(f"The sandbox is ready: {sandbox.url}/  (Ctrl-C ends it)")
            say(f"Its console, in a role to play: {sandbox.url}{CHOOSER}")
            await _interrupted()


async def _interrupted() -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    await stopping.wait()
