"""All settings as one file: out, and in after a look at what would change."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.domain.settings_changes import Plan
from bridge.domain.settings_file import parse
from bridge.errors import UserMistake
from bridge.store import settings
from bridge.store.database import Transaction
from bridge.web.admin.console import FORM, VISIT
from bridge.web.admin.pages import go, show
from bridge.web.admin.routes import get, post
from bridge.web.admin.rule_form import CARRIERS
from bridge.web.parts import PARTS

PAGE: Final = "/admin/settings"


async def show_settings(request: web.Request) -> web.Response:
    """The file as it is, and a place to put another."""
    text = await request.app[PARTS].database.read(settings.export_settings)
    return _page(request, text, current=text)


async def export(request: web.Request) -> web.Response:
    """The file to download."""
    text = await request.app[PARTS].database.read(settings.export_settings)
    headers = {"Content-Disposition": 'attachment; filename="bridge-settings.toml"'}
    return web.Response(text=text, content_type="application/toml", headers=headers)


async def preview(request: web.Request) -> web.Response:
    """What an import would change, and the button that does it."""
    text, prune = _read(request)

    def look(tx: Transaction) -> tuple[Plan, str, int]:
        plan = settings.preview_import(tx, parse(text, CARRIERS), CARRIERS, prune=prune)
        return plan, settings.export_settings(tx), settings.settings_version(tx)

    try:
        plan, current, version = await request.app[PARTS].database.read(look)
    except UserMistake as mistake:
        return await _faulty(request, text, mistake, prune=prune)
    return _page(request, text, current=current, plan=plan, version=version, prune=prune)


async def import_file(request: web.Request) -> web.Response:
    """Do what was looked at; where the settings have changed since, look again first."""
    text, prune = _read(request)
    by, version = request[VISIT].author, request[FORM].get("version", "")

    def change(tx: Transaction) -> bool:
        if version != str(settings.settings_version(tx)):
            return False
        file = parse(text, CARRIERS)
        settings.import_settings(tx, file, CARRIERS, prune=prune, by=by)
        return True

    try:
        is_done = await request.app[PARTS].database.write(change)
    except UserMistake as mistake:
        return await _faulty(request, text, mistake, prune=prune)
    return go(PAGE, said="imported") if is_done else await preview(request)


def _read(request: web.Request) -> tuple[str, bool]:
    form = request[FORM]
    return form.get("file", "").replace("\r\n", "\n"), bool(form.get("prune"))


async def _faulty(
    request: web.Request, text: str, mistake: UserMistake, *, prune: bool
) -> web.Response:
    current = await request.app[PARTS].database.read(settings.export_settings)
    faults = str(mistake).splitlines()
    return _page(request, text, current=current, faults=faults, prune=prune, status=422)


def _page(
    request: web.Request,
    text: str,
    *,
    current: str,
    plan: Plan | None = None,
    version: int = 0,
    prune: bool = False,
    faults: list[str] | None = None,
    status: int = 200,
) -> web.Response:
    return show(
        request,
        "settings.html",
        status=status,
        text=text,
        current=current,
        plan=plan,
        version=version,
        prune=prune,
        faults=faults or [],
    )


ROUTES = (
    get("settings", show_settings, needs="viewer"),
    get("settings/bridge-settings.toml", export, needs="viewer"),
    post("settings/preview", preview, needs="admin"),
    post("settings/import", import_file, needs="admin"),
)
