"""`bridge doctor`: would everything work? Each finding says how to mend what would not."""

from __future__ import annotations

import os
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

from bridge.app import carriers_of, zendesk_api
from bridge.carriers.contract import Finding
from bridge.carriers.registry import CAPABILITIES
from bridge.clock import Clock, SystemClock, rfc3339
from bridge.databases import open_database
from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.setup import plan, read_account
from bridge.domain.directory import DeskRecord, Directory, make_directory
from bridge.errors import BridgeError, CredentialsRefused, FarSideError, UserMistake
from bridge.http import CallFailed, HttpClient
from bridge.provisioning import made
from bridge.secrets import unseal
from bridge.settings import Settings, missing_for_serve
from bridge.store import restored, signatures, sweeps, work
from bridge.store import settings as stored
from bridge.store.database import Transaction
from bridge.store.restored import Restored
from bridge.store.signatures import SignatureFault

LARGEST_SKEW_S = 60
LONG_ENOUGH = 32  # characters of a secret key
SWEEPS_MISSED = 3  # of them, before it is a fault
SWEEP_GRACE_S = 300
RECENT_MS = 24 * 3600 * 1000
STAFF = ("agent", "admin")
MEND_LOGIN = "see Admin Center > Apps and integrations > APIs, and the client's scopes (read write)"
MEND_ADDRESS = (
    "see that BRIDGE_ZENDESK_URL is the account's address and that this machine reaches it"
)


async def run_doctor(settings: Settings) -> Sequence[Finding]:
    """Check everything that can be checked from here, in the order in which it matters."""
    clock = SystemClock()
    findings = _needed(settings)
    directory, faults = await _database(settings, clock, findings)
    http = HttpClient(timeout_s=settings.http_timeout)
    await http.open()
    try:
        findings.append(await _public_url(settings, http))
        findings += await _zendesk(settings, http, clock, directory)
        findings += await _carriers(settings, http, clock, directory)
    finally:
        await http.close()
    findings += [_signature(fault) for fault in faults if clock.now_ms() - fault.at < RECENT_MS]
    return findings


def _judged(check: str, *, ok: bool, detail: str, mend: str) -> Finding:
    """A finding that says how to mend it only where it has to be."""
    return Finding(check=check, ok=ok, detail=detail, mend="" if ok else mend)


def has_database(settings: Settings) -> bool:
    """Whether the database's file is there. To open it would make it; a server is asked."""
    return settings.uses_postgres or os.access(settings.database_path, os.F_OK)


def _needed(settings: Settings) -> list[Finding]:
    """What `serve` refuses to start without, in its own words."""
    key = settings.secret_key
    mend = "set it in the environment or in .env: `bridge serve` refuses to start without it"
    findings = [
        Finding(check="settings", ok=False, detail=line, mend=mend)
        for line in missing_for_serve(settings)
    ] or [Finding(check="settings", ok=True, detail="all that `bridge serve` needs is set")]
    if key is not None and len(key.get_secret_value()) < LONG_ENOUGH:
        mend = f"better {LONG_ENOUGH} random characters: openssl rand -hex 32"
        findings.append(Finding(check="secret key", ok=True, detail="set, but short", mend=mend))
    return findings


async def _database(
    settings: Settings, clock: Clock, findings: list[Finding]
) -> tuple[Directory | None, Sequence[SignatureFault]]:
    if not has_database(settings):
        detail = f"there is none at {settings.database_path}"
        mend = "see that BRIDGE_DATABASE_URL and the working folder are right; then: bridge migrate"
        findings.append(Finding(check="database", ok=False, detail=detail, mend=mend))
        return make_directory(), ()
    database = open_database(settings, clock)
    try:
        await database.open()
    except BridgeError as error:
        mend = "see that the folder exists, has room and belongs to the bridge's user"
        findings.append(Finding(check="database", ok=False, detail=str(error), mend=mend))
        return None, ()
    try:
        await database.write(signatures.probe)
        directory, faults, backlog, pauses, swept = await database.read(_look)
        looking = await database.read(restored.current)
    except BridgeError as error:
        mend = "see that the disk has room and that no other program holds the file"
        findings.append(Finding(check="database", ok=False, detail=str(error), mend=mend))
        return None, ()
    finally:
        await database.close()
    findings.append(Finding(check="database", ok=True, detail="opened, current, written to"))
    findings.append(_settings(directory))
    findings.append(_sending(directory))
    findings.append(_backlog(*backlog))
    if looking is not None and looking.is_looking:
        findings.append(_restored(looking))
    findings += [_swept(settings, clock, *entry) for entry in swept.items()]
    findings += [
        Finding(
            check=f"{account} paused",
            ok=False,
            detail=f"until {rfc3339(until)}: {reason}",
            mend="mend the reason; work goes on by itself then",
        )
        for account, (until, reason) in pauses.items()
        if until > clock.now_ms()
    ]
    return directory, faults


def _look(
    tx: Transaction,
) -> tuple[
    Directory,
    Sequence[SignatureFault],
    tuple[int, int, int | None],
    dict[str, tuple[int, str]],
    dict[str, int],
]:
    directory = stored.load_directory(tx)
    found = signatures.faults(tx), work.backlog(tx), work.pauses(tx), sweeps.ages(tx)
    return directory, *found


def _swept(settings: Settings, clock: Clock, account: str, done_ms: int) -> Finding:
    """Looking for what webhooks missed has to go on, or a lost one stays unnoticed."""
    age_s = max(0, round((clock.now_ms() - done_ms) / 1000))
    return _judged(
        f"sweeps of {account}",
        ok=age_s <= SWEEPS_MISSED * settings.sweep_interval + SWEEP_GRACE_S,
        detail=f"last came to an end {age_s} s ago",
        mend="see that `bridge serve` runs, and `bridge failed list` and its log for sweep.refused",
    )


def _restored(known: Restored) -> Finding:
    return Finding(
        check="restored database",
        ok=False,
        detail=f"what happened since {rfc3339(known.since_ms)} is looked for, and nothing is sent "
        f"until {' and '.join(sorted(known.left))} have been asked",
        mend="let `bridge serve` run; if it lasts: its log, for sweep.refused and account.paused",
    )


def _settings(directory: Directory) -> Finding:
    if not directory.senders:
        return Finding(
            check="senders",
            ok=False,
            detail="no number is set up: texts are kept, and wait",
            mend="write them into a settings file and run: bridge import FILE",
        )
    return Finding(check="senders", ok=True, detail=f"{len(directory.senders)} set up")


def _sending(directory: Directory) -> Finding:
    since_ms = directory.halt.since_ms
    return _judged(
        "sending",
        ok=since_ms is None,
        detail="texts leave" if since_ms is None else f"halted since {rfc3339(since_ms)}",
        mend="let texts leave again: `bridge sending resume`, or the console's page Senders",
    )


def _backlog(waiting: int, failed: int, _oldest: int | None) -> Finding:
    detail = f"{waiting} waiting, {failed} failed"
    mend = "see `bridge failed list`; then `bridge failed retry ID` or `drop ID`"
    return _judged("work", ok=failed == 0, detail=detail, mend=mend)


async def _public_url(settings: Settings, http: HttpClient) -> Finding:
    url = f"{settings.public_url}/healthz"
    mend = (
        "see that `bridge serve` runs, and that BRIDGE_PUBLIC_URL is the address under which "
        "Zendesk and the carriers reach it"
    )
    try:
        answer = await http.call("GET", url)
    except CallFailed as error:
        return Finding(check="public address", ok=False, detail=f"{url}: {error}", mend=mend)
    if answer.status != 200:
        detail = f"{url} answers {answer.status}"
        return Finding(check="public address", ok=False, detail=detail, mend=mend)
    return Finding(check="public address", ok=True, detail=f"{url} answers")


async def _zendesk(
    settings: Settings, http: HttpClient, clock: Clock, directory: Directory | None
) -> list[Finding]:
    try:
        api = zendesk_api(settings, http, clock)
    except UserMistake:  # what is missing was told with the settings
        return []
    findings = [*await _login(api), *await _desk_clock(settings, http, clock)]
    if settings.zendesk_client_id is None:
        findings.append(
            Finding(
                check="zendesk API token",
                ok=True,
                detail="Zendesk ends API tokens on 30 April 2027: move to an OAuth client before",
            )
        )
    # What setup has made stands in the database: without it there is nothing to compare with.
    if findings[0].ok and directory is not None:
        findings += await _made_at_desk(settings, api, directory.desk)
    return findings


async def _login(api: ZendeskApi) -> list[Finding]:
    try:
        answer = await api.get("/api/v2/users/me", expect="user")
        await api.get("/api/v2/tickets", {"page[size]": "1"}, expect="tickets")
    except FarSideError as error:
        mend = MEND_LOGIN if isinstance(error, CredentialsRefused) else MEND_ADDRESS
        return [Finding(check="zendesk log-in", ok=False, detail=error.words, mend=mend)]
    role = str(answer["user"].get("role"))
    if role not in STAFF:
        detail = f"the bridge is logged in as {role}, which may not write for others"
        mend = "use an OAuth client or token of an agent or admin"
        return [Finding(check="zendesk log-in", ok=False, detail=detail, mend=mend)]
    return [Finding(check="zendesk log-in", ok=True, detail=f"accepted, as {role}")]


async def _desk_clock(settings: Settings, http: HttpClient, clock: Clock) -> list[Finding]:
    """Zendesk's webhooks are refused when our clock is five minutes off."""
    try:
        answer = await http.call("GET", f"{settings.zendesk_url}/api/v2/users/me")
        theirs_s = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (CallFailed, KeyError, ValueError):
        return []
    skew_s = abs(round(clock.now_ms() / 1000 - theirs_s))
    mend = "switch on time synchronisation (NTP)"
    ok = skew_s <= LARGEST_SKEW_S
    return [_judged("clock against Zendesk", ok=ok, detail=f"{skew_s} s apart", mend=mend)]


async def _made_at_desk(settings: Settings, api: ZendeskApi, record: DeskRecord) -> list[Finding]:
    """Webhook, trigger, view and field: as `zendesk setup` would leave them."""
    mend = "run: bridge zendesk setup"
    try:
        planned = plan(await read_account(api), stored=made(record), public_url=settings.public_url)
    except FarSideError as error:
        detail = f"can't be looked at: {error.words}"
        return [Finding(check="zendesk rules", ok=False, detail=detail, mend=mend)]
    findings = [
        _judged(f"zendesk {step.kind}", ok=step.action == "keep", detail=step.words, mend=mend)
        for step in planned.steps
    ]
    return [*findings, _webhook_secret(settings, record.signing_secret)]


def _webhook_secret(settings: Settings, sealed: str | None) -> Finding:
    check = "zendesk webhook secret"
    if settings.zendesk_webhook_secret is not None:
        return Finding(check=check, ok=True, detail="set by BRIDGE_ZENDESK_WEBHOOK_SECRET")
    if sealed is None or settings.secret_key is None:
        mend = "run `bridge zendesk setup`, or set BRIDGE_ZENDESK_WEBHOOK_SECRET"
        return Finding(check=check, ok=False, detail="not known: webhooks are refused", mend=mend)
    try:
        unseal(sealed, settings.secret_key.get_secret_value())
    except UserMistake as error:
        mend = "set the old BRIDGE_SECRET_KEY, or run `bridge zendesk setup` again"
        return Finding(check=check, ok=False, detail=str(error), mend=mend)
    return Finding(check=check, ok=True, detail="stored by `bridge zendesk setup`")


async def _carriers(
    settings: Settings, http: HttpClient, clock: Clock, directory: Directory | None
) -> list[Finding]:
    carriers = carriers_of(settings, lambda _: http, clock)
    senders = {} if directory is None else directory.senders
    findings: list[Finding] = []
    for name in CAPABILITIES:
        its = [address for address, sender in senders.items() if sender.carrier == name]
        carrier = carriers.get(name)
        if carrier is not None:
            findings += await carrier.check(senders=its, public_url=settings.public_url)
        elif its:
            detail = f"{len(its)} senders use it, and its account is not set"
            mend = f"set the BRIDGE_{name.upper()}_… settings"
            findings.append(Finding(check=name, ok=False, detail=detail, mend=mend))
    return findings


def _signature(fault: SignatureFault) -> Finding:
    """A wrong setting refuses everything; a stranger is refused between webhooks that pass."""
    detail = f"refused, last at {rfc3339(fault.at)}: {fault.reason}"
    if fault.healed:
        detail += "; others were accepted since, so it was a stranger's, or is mended"
    return _judged(
        f"webhooks from {fault.source}",
        ok=fault.healed,
        detail=detail,
        mend="see that BRIDGE_PUBLIC_URL, the address set there and the secret fit one another",
    )
