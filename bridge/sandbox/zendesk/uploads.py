"""Files: uploads that wait for their comment, and attachments that are downloaded."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from aiohttp import web

from bridge.sandbox.zendesk.answers import ZendeskRefusal, not_found
from bridge.sandbox.zendesk.records import Attachment, iso

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.auth import Auth
    from bridge.sandbox.zendesk.state import Account

LARGEST_FILE = 50 * 1024 * 1024


class Uploads:
    """The handlers. With `private_attachments` a download needs credentials."""

    def __init__(self, account: Account, auth: Auth) -> None:
        self.account = account
        self.auth = auth
        self.private_attachments = False
        self.storage_url = ""
        self.downloads: list[tuple[str, bool]] = []  # path, whether credentials came along

    def routes(self) -> list[tuple[str, str, object]]:
        """List method, path under /api/v2 and handler."""
        return [
            ("POST", "uploads", self.upload),
            ("DELETE", "uploads/{token:[0-9A-Za-z]+}", self.delete),
        ]

    async def upload(self, request: web.Request) -> web.Response:
        """POST a file's bytes; `token` adds it to an earlier upload."""
        name = request.query.get("filename")
        if not name:
            raise ZendeskRefusal(
                400, {"error": "MissingParameter", "description": "filename is required"}
            )
        if "Content-Type" not in request.headers:
            raise ZendeskRefusal(
                415, {"error": "UnsupportedMediaType", "description": "Content-Type is required"}
            )
        content = await request.read()
        if not content:
            raise ZendeskRefusal(
                422, {"error": "AttachmentUnprocessable", "description": "The file is empty"}
            )
        token = request.query.get("token")
        if token is not None and token not in self.account.uploads:
            raise not_found()
        token = token or secrets.token_hex(16)
        attachment = self.store(name, request.content_type, content)
        self.account.uploads.setdefault(token, []).append(attachment)
        self.account.upload_made_ms[token] = self.account.now_ms()
        expires = self.account.now_ms() + int(self.account.upload_life_s * 1000)
        files = [one.to_json(self.account.url) for one in self.account.uploads[token]]
        answer = {
            "token": token,
            "expires_at": iso(expires),
            "attachment": files[-1],
            "attachments": files,
        }
        return web.json_response({"upload": answer}, status=201)

    def store(self, name: str, content_type: str, content: bytes) -> Attachment:
        """Keep a file; it can be downloaded from now on."""
        attachment = Attachment(
            id=self.account.new_id(),
            file_name=name,
            content_type=content_type,
            content=content,
            token=secrets.token_hex(16),
        )
        self.account.files[attachment.token] = attachment
        return attachment

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE an upload that was not used."""
        if self.account.uploads.pop(request.match_info["token"], None) is None:
            raise not_found()
        return web.Response(status=204)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """GET a content address: a redirect to storage on another host and port."""
        self.downloads.append((request.path, "Authorization" in request.headers))
        if self.private_attachments:
            self.auth.identify(request)
        token = request.match_info["token"]
        if token not in self.account.files:
            raise not_found()
        return web.Response(status=302, headers={"Location": f"{self.storage_url}/file/{token}"})

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET from storage: a signed address, which refuses any other kind of proof."""
        self.downloads.append((request.path, "Authorization" in request.headers))
        if "Authorization" in request.headers:
            return web.Response(status=400, text="Only one kind of proof is allowed")
        attachment = self.account.files.get(request.match_info["token"])
        if attachment is None:
            return web.Response(status=404)
        return web.Response(body=attachment.content, content_type=attachment.content_type)
