"""Builds everything from Settings and hands it on: the only file that knows all the rooms."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from aiohttp import web

from bridge import restoring
from bridge.carriers.contract import Carrier, DeliveryReport, InboundText
from bridge.carriers.registry import CAPABILITIES, build_carriers
from bridge.clock import Clock, SystemClock
from bridge.current import CurrentDirectory
from bridge.databases import open_database
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.auth import ApiToken, Credentials, OAuthClient
from bridge.desks.zendesk.desk import ZendeskDesk
from bridge.desks.zendesk.events import Hint
from bridge.domain.directory import Directory
from bridge.errors import NotDurable, UserMistake
from bridge.http import HttpClient
from bridge.inbound.judge import Rules
from bridge.inbound.pieces import LATE_MS, take_in_late, take_piece
from bridge.inbound.receive import Taken, take_in, take_in_waiting
from bridge.metrics import Backlog, Metrics
from bridge.outbound import request as outbound_request
from bridge.outbound.track import take_report
from bridge.secrets import derive_key, unseal
from bridge.settings import Settings
from bridge.sign_on import SignOn
from bridge.store import (
    conversations,
    files,
    leaps,
    leases,
    looks,
    pieces,
    signatures,
    sweeps,
    work,
)
from bridge.store.database import Transaction
from bridge.store.restored import Restored
from bridge.tallying import Tallying
from bridge.web.parts import NewMessage, WebParts
from bridge.web.server import create_app, create_runner, create_site
from bridge.workers import build_workers, media_key, pace_of

log = structlog.get_logger()

TICK_S = 1.0  # how often a running service looks for changed settings
GRACE_S = 15.0  # for calls under way when we are asked to stop: 25 s in all are promised
ZENDESK = "zendesk"


def zendesk_api(settings: Settings, http: HttpClient, clock: Clock) -> ZendeskApi:
    """The Zendesk account that is set. Raises UserMistake where none is."""
    url = settings.zendesk_url
    if url is None:
        raise UserMistake("BRIDGE_ZENDESK_URL: missing; it is like https://acme.zendesk.com")
    credentials: Credentials
    if settings.zendesk_client_id and settings.zendesk_client_secret:
        credentials = OAuthClient(
            base_url=url,
            client_id=settings.zendesk_client_id,
            client_secret=settings.zendesk_client_secret.get_secret_value(),
            http=http,
            clock=clock,
        )
    elif settings.zendesk_email and settings.zendesk_api_token:
        token = settings.zendesk_api_token.get_secret_value()
        credentials = ApiToken(email=settings.zendesk_email, api_token=token)
    else:
        raise UserMistake("BRIDGE_ZENDESK_CLIENT_ID: missing, with BRIDGE_ZENDESK_CLIENT_SECRET")
    return ZendeskApi(base_url=url, credentials=credentials, http=http, clock=clock)


def carriers_of(
    settings: Settings, http: Callable[[str], HttpClient], clock: Clock
) -> dict[str, Carrier]:
    """The carriers whose accounts are set, by name."""
    return build_carriers(settings.carriers, http=http, clock=clock, public_url=settings.public_url)


def rules_of(settings: Settings) -> Rules:
    """How texts are judged here."""
    key = settings.secret_key
    return Rules(
        tickets_from=settings.tickets_from,
        capabilities=CAPABILITIES,
        answer_within_ms=int(settings.reply_max_age * 1000),
        id_key=b"" if key is None else derive_key(key.get_secret_value(), "texts' ids"),
    )


def sign_on_of(settings: Settings, http: HttpClient) -> SignOn | None:
    """The OpenID provider that opens the console, where one is set."""
    issuer, client, secret = (
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_client_secret,
    )
    if issuer is None or client is None or secret is None:
        return None
    return SignOn(
        issuer=issuer,
        client_id=client,
        client_secret=secret.get_secret_value(),
        newcomers_are_viewers=settings.oidc_newcomers == "viewer",
        http=http,
    )


class Service:
    """One running bridge: a web server in front of a store, and workers behind it."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.metrics = Metrics()
        self.database = open_database(settings, self.clock, exclusive=True)
        self.directory = CurrentDirectory()
        self.rules = rules_of(settings)
        timeout_s = settings.http_timeout
        watch = self.metrics.time_call
        self._desk_http = HttpClient(timeout_s=timeout_s, watch=partial(watch, ZENDESK))
        # One each: a carrier that hangs takes no connection from another.
        self._carrier_http = {
            name: HttpClient(timeout_s=timeout_s, watch=partial(watch, name))
            for name in settings.carriers
        }
        self._sign_on_http = HttpClient(timeout_s=timeout_s, at_once=10)
        api = zendesk_api(settings, self._desk_http, self.clock)
        self.desk = ZendeskDesk(api=api, number_field=lambda: self.directory.latest.desk.field_id)
        self.carriers = carriers_of(settings, self._carrier_http.__getitem__, self.clock)
        self._tallying = Tallying(self.database)
        self.app = create_app(self._web_parts())
        self._runner: web.AppRunner | None = None
        self._workers = build_workers(
            settings,
            database=self.database,
            clock=self.clock,
            desk=self.desk,
            carriers=self.carriers,
            directory=self.directory.at,
            rules=self.rules,
            metrics=self.metrics,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._forgeries: dict[str, str] = {}
        self._settled_version = -1

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._runner is not None, "start() first"  # noqa: S101 - a fault of ours
        return int(self._runner.addresses[0][1])

    async def start(self) -> None:
        """Open the store, take up the work that waits, and listen. Raises UserMistake."""
        await self.database.open()
        known = await self.database.write(self._take_up)
        restoring.hold_back(self._workers, self.database, known)
        for http in (self._desk_http, self._sign_on_http, *self._carrier_http.values()):
            await http.open()
        for worker in self._workers:
            self.database.listen(work.topic_of(worker.account), worker.wake)
        self._runner = create_runner(self.app)
        await self._runner.setup()
        site = create_site(self._runner, self.settings.host, self.settings.port)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            where = f"{self.settings.host}:{self.settings.port}"
            raise UserMistake(
                f"BRIDGE_PORT: can't listen on {where}: {error.strerror or error}"
            ) from error
        runs = [worker.run() for worker in self._workers]
        self._tasks = [asyncio.create_task(run) for run in (*runs, self._tick())]
        log.info("service.started", port=self.port)

    async def stop(self) -> None:
        """Take nothing more in, finish what is under way, hand back the rest, close."""
        stops = [worker.stop(GRACE_S) for worker in self._workers]
        if self._runner is not None:
            stops.append(self._runner.cleanup())
        await asyncio.gather(*stops)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for http in (self._desk_http, self._sign_on_http, *self._carrier_http.values()):
            await http.close()
        await self.database.close()
        log.info("service.stopped")

    async def wait(self) -> None:
        """Return when a part of the service has ended by a fault, which it raises."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    def wake(self) -> None:
        """Have the workers look now."""
        for worker in self._workers:
            worker.wake()

    def _settled(self, tx: Transaction) -> Directory:
        """The settings, with the texts worked off that waited for a sender of theirs."""
        directory = self.directory.at(tx)
        if directory.version != self._settled_version:
            take_in_waiting(tx, directory, self.rules)
        return directory

    def _is_settled(self, tx: Transaction) -> bool:
        return self.directory.at(tx).version == self._settled_version

    def _take_up(self, tx: Transaction) -> Restored | None:
        known = restoring.begin(tx, self.directory.at(tx), ZENDESK, list(self.carriers))
        if not self.settings.uses_postgres:
            # The file's lock says that nobody else is at work, or holds a lease.
            leaps.follow_since_last_run(tx)
            leases.forget_leases(tx, pace_of(self.settings).pause_after_crash_ms)
        work.end_credential_pauses(tx)
        for account in (ZENDESK, *self.carriers):
            sweeps.plan_now(tx, account)
        return known

    async def _tick(self) -> None:
        """Notice what other processes (the CLI) have changed, and measure the backlog."""
        while True:
            await asyncio.sleep(TICK_S)
            with contextlib.suppress(NotDurable):
                (waiting, failed, oldest), swept = await self.database.read(self._look_around)
                now_ms = self.clock.now_ms()
                age_s = 0.0 if oldest is None else (now_ms - oldest) / 1000
                for account, done_ms in swept.items():
                    self.metrics.set_sweep_age(account, (now_ms - done_ms) / 1000)
                self.metrics.set_backlog(Backlog(waiting=waiting, failed=failed, oldest_s=age_s))
                if self.directory.latest.version != self._settled_version:
                    settled = await self.database.write(self._settled)
                    self._settled_version = settled.version
                await self._tallying.go_on(waiting)
                await self._keep_forgeries()
                await self._join_late()
                await self._drop_files()

    def _look_around(
        self, tx: Transaction
    ) -> tuple[tuple[int, int, int | None], Mapping[str, int]]:
        self.directory.at(tx)
        return work.backlog(tx), sweeps.ages(tx)

    async def _join_late(self) -> None:
        """Take in long texts of which a part is missing for good."""
        # Whichever carriers there are now: one that is gone may have left parts behind.
        late_before = self.clock.now_ms() - LATE_MS
        if await self.database.read(lambda tx: pieces.late(tx, late_before)):
            joined = await self.database.write(
                lambda tx: take_in_late(tx, self.directory.at(tx), self.rules)
            )
            log.warning("text.part_missing", texts=joined)

    async def _drop_files(self) -> None:
        """Forget files whose addresses have ended."""
        if await self.database.read(files.has_ended):
            await self.database.write(files.drop_ended)

    async def _keep_forgeries(self) -> None:
        """Store refused webhooks once a tick, so that forgers can't make us write at their pace."""
        seen, self._forgeries = self._forgeries, {}
        if seen:
            await self.database.write(lambda tx: signatures.note_all(tx, seen))

    def _web_parts(self) -> WebParts:
        token = self.settings.api_token
        return WebParts(
            database=self.database,
            carriers=self.carriers,
            public_url=self.settings.public_url,
            api_token=None if token is None else token.get_secret_value(),
            clock=self.clock,
            metrics=self.metrics,
            take_text=self.take_text,
            take_report=self.take_report,
            take_hint=self.take_hint,
            webhook_secrets=self.webhook_secrets,
            note_forgery=self._note_forgery,
            queue_message=self.queue_message,
            wake=self.wake,
            ready=self.ready,
            sign_on=sign_on_of(self.settings, self._sign_on_http),
            tickets_from=self.settings.tickets_from,
            media_key=media_key(self.settings),
            halted=lambda: self.directory.latest.halt.is_on,
        )

    async def take_text(self, carrier: str, text: InboundText) -> None:
        """Keep and judge a text. Raises NotDurable."""
        take_one = take_in if text.piece is None else take_piece

        def take(tx: Transaction) -> tuple[Taken | None, int]:
            directory = self._settled(tx)  # earlier texts first: order holds
            return take_one(tx, carrier, text, directory, self.rules), directory.version

        def take_briefly(tx: Transaction) -> tuple[Taken | None, int] | None:
            return take(tx) if self._is_settled(tx) else None

        done = await self.database.write(take_briefly, brief=True)
        if done is None:  # thousands may have waited for the settings that have just changed
            done = await self.database.write(take)
        taken, self._settled_version = done
        if taken is None:
            if text.piece is None:
                log.info("text.repeated", carrier=carrier)
            else:
                log.info("text.in_parts", carrier=carrier)
            return
        self.metrics.count_inbound(taken.verdict)
        log.info("text.received", carrier=carrier, message=taken.message_id, verdict=taken.verdict)

    async def take_report(self, carrier: str, report: DeliveryReport) -> None:
        """Apply a delivery report. Raises NotDurable."""
        message, state = await self.database.write(
            lambda tx: take_report(tx, self.carriers[carrier], report, self.directory.at(tx)),
            brief=True,
        )
        if state is not None:
            self.metrics.count_outbound(state)
        log.info("report.received", carrier=carrier, message=message, state=report.state)

    async def take_hint(self, hint: Hint) -> None:
        """Store the look that a hint asks for. Raises NotDurable."""

        def store(tx: Transaction) -> None:
            # A ticket of ours may have lost its tag; one that never had it is no business of ours.
            if hint.tagged is not False or conversations.links_of(tx, hint.ticket_id):
                looks.put(tx, hint.ticket_id, ZENDESK)

        await self.database.write(store, brief=True)
        log.info("hint.received", ticket=hint.ticket_id, comment=hint.comment_id, kind=hint.kind)

    def webhook_secrets(self) -> Sequence[str]:
        """The signing secrets that Zendesk's webhook may use."""
        given = self.settings.zendesk_webhook_secret
        if given is not None:
            return [given.get_secret_value()]
        sealed = self.directory.latest.desk.signing_secret
        key = self.settings.secret_key
        return [] if sealed is None or key is None else [unseal(sealed, key.get_secret_value())]

    async def queue_message(self, asked: NewMessage) -> Mapping[str, Any]:
        """Queue a text for another program. Raises BadRequest, NotDurable."""
        wanted = outbound_request.Asked(
            sender=asked.sender,
            customer=asked.customer,
            body=asked.body,
            kind=asked.kind,
            send=asked.send,
            idempotency_key=asked.idempotency_key,
        )

        def queue(tx: Transaction) -> tuple[str, bool]:
            return outbound_request.queue(tx, wanted, self.directory.at(tx), self.rules)

        message_id, created = await self.database.write(queue)
        return {"id": message_id, "created": created}

    async def ready(self) -> str | None:
        """None when a small write could be made durable, else why not."""
        try:
            await self.database.write(signatures.probe)
        except NotDurable as error:
            return f"nothing can be stored: {error}"
        return None

    def _note_forgery(self, source: str, reason: str) -> None:
        self._forgeries[source] = reason
