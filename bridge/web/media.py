"""/media/: what agents attached, for the carriers that send it along with a text.

Whoever has the signed address can have the file until the address ends. Nothing else tells who
asks: carriers fetch without credentials.
"""

from __future__ import annotations

import structlog
from aiohttp import web

from bridge.domain.signed_addresses import Signed, is_ours
from bridge.store import files
from bridge.web.parts import PARTS

log = structlog.get_logger()


def add_routes(app: web.Application) -> None:
    """Add the one address, for GET and HEAD."""
    app.router.add_get("/media/{file_id}/{ends_at}/{signature}/{name}", show_file)


async def show_file(request: web.Request) -> web.Response:
    """The file: 404 where the address is not ours, 410 where it has ended."""
    parts, found = request.app[PARTS], request.match_info
    address = Signed(
        file_id=found["file_id"],
        ends_at_s=found["ends_at"],
        signature=found["signature"],
        name=found["name"],
    )
    # Compared before anything is looked up: a guess costs nothing and learns nothing. What was
    # written in another way than we wrote it, percent-encoded say, is not our address.
    is_as_written = request.rel_url.raw_path == address.path and not request.query_string
    if not parts.media_key or not is_as_written or not is_ours(parts.media_key, address):
        raise web.HTTPNotFound
    if address.ends_at_ms <= parts.clock.now_ms():
        raise web.HTTPGone
    kept = await parts.database.read(lambda tx: files.get(tx, address.file_id))
    if kept is None:
        raise web.HTTPGone
    file, content = kept
    if request.method == "GET":
        log.info("file.fetched", message=file.message_id, bytes=len(content))
    return web.Response(
        body=content,
        headers={
            "Content-Type": file.content_type,
            "Content-Disposition": f'attachment; filename="{file.name}"',
        },
    )
