"""`bridge zendesk setup`, `status` and `teardown`: the desk's side and ours, kept in step."""

from __future__ import annotations

from bridge.desks.zendesk.api import ZendeskApi
from bridge.desks.zendesk.setup import (
    Plan,
    SetupResult,
    apply,
    plan,
    plan_teardown,
    read_account,
)
from bridge.domain.directory import DeskRecord
from bridge.errors import UserMistake
from bridge.secrets import seal
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.store.settings import load_desk, save_desk


def made(record: DeskRecord) -> SetupResult:
    """What an earlier setup has made, as it was stored."""
    return SetupResult(
        webhook_id=record.webhook_id,
        trigger_id=record.trigger_id,
        view_id=record.view_id,
        field_id=record.field_id,
        automation_id=record.automation_id,
    )


async def plan_setup(
    api: ZendeskApi, database: Database, settings: Settings, *, close_after_h: int | None
) -> Plan:
    """What a setup would do now. Raises UserMistake and what the API raises."""
    return plan(
        await read_account(api),
        stored=await _made_before(database, settings),
        public_url=settings.public_url,
        close_after_h=close_after_h,
    )


async def set_up(
    api: ZendeskApi, database: Database, settings: Settings, planned: Plan
) -> SetupResult:
    """Carry a plan out and remember what was made. Raises UserMistake and what the API raises."""
    if settings.secret_key is None:
        raise UserMistake("BRIDGE_SECRET_KEY: missing; the webhook's secret is kept under it")
    result = await apply(api, planned)
    secret = result.signing_secret
    key = settings.secret_key.get_secret_value()
    record = DeskRecord(
        url=settings.zendesk_url,
        webhook_id=result.webhook_id,
        trigger_id=result.trigger_id,
        view_id=result.view_id,
        field_id=result.field_id,
        automation_id=result.automation_id,
        signing_secret=None if secret is None else seal(secret, key),
    )
    await database.write(lambda tx: save_desk(tx, record))
    return result


async def plan_removal(api: ZendeskApi, database: Database, settings: Settings) -> Plan:
    """What a teardown would do now."""
    stored = await _made_before(database, settings)
    return plan_teardown(await read_account(api), stored=stored)


async def tear_down(api: ZendeskApi, database: Database, planned: Plan) -> None:
    """Take away what a setup has made, and forget it."""
    await apply(api, planned)
    await database.write(lambda tx: save_desk(tx, DeskRecord()))


async def _made_before(database: Database, settings: Settings) -> SetupResult:
    record = await database.read(load_desk)
    # Ids mean nothing in another account.
    return SetupResult() if record.url not in (None, settings.zendesk_url) else made(record)
