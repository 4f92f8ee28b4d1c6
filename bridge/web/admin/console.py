"""What all pages of the console share: templates, files, passwords, and who is asking."""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from aiohttp import web
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from multidict import MultiDict

from bridge.domain.roles import Role, allows
from bridge.secrets import fingerprint, new_token
from bridge.store.changes import Author
from bridge.store.users import User
from bridge.web.admin import wording
from bridge.web.admin.routes import Route

HERE = Path(__file__).parent
HASHES_AT_ONCE = 2  # each takes 64 MiB and a tenth of a second of a core


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """A file as it is served; `version` changes with its content."""

    body: bytes
    content_type: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who is asking. `key` is the cookie that forms are tied to: the session's, or a form's own.

    `is_new`: the key was made for this answer, which has to carry it.
    """

    user: User | None
    key: str
    is_new: bool = False

    @property
    def form_token(self) -> str:
        """What every form carries, so that only a page of ours can send it."""
        return fingerprint(f"form {self.key}")

    @property
    def author(self) -> Author:
        """The user as the log of changes names them."""
        return Author(how="console", who=None if self.user is None else self.user.name)

    def may(self, needed: Role) -> bool:
        """Whether the user may do what needs this role."""
        return self.user is not None and allows(self.user.role, needed)


class Passwords:
    """Hashes and checks passwords (Argon2id), a few at once and never on the event loop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(HASHES_AT_ONCE)
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """Hash a new password."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, hashed: str | None) -> bool:
        """Whether this is the password; takes as long where there is none."""
        if self._nobodys is None:
            self._nobodys = await self.hash(new_token())
        async with self._turn:
            fits = await asyncio.to_thread(self._verify, password, hashed or self._nobodys)
        return fits and hashed is not None

    def is_outdated(self, hashed: str) -> bool:
        """Whether a hash is weaker than those made now."""
        return self._hasher.check_needs_rehash(hashed)

    def _verify(self, password: str, hashed: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The console of one application."""

    routes: Mapping[tuple[str, str], Route]
    files: Mapping[str, StaticFile]
    templates: Environment
    passwords: Passwords = field(default_factory=Passwords)


CONSOLE = web.AppKey("console", Console)
VISIT = web.RequestKey("visit", Visit)
FORM: web.RequestKey[MultiDict[str]] = web.RequestKey("form", MultiDict)


def make_console(routes: Mapping[tuple[str, str], Route]) -> Console:
    """Read templates and files into memory."""
    files = _read_files()
    templates = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(wording.FILTERS)
    templates.globals.update(wording.GLOBALS)
    templates.globals["roles_page"] = ""  # the sandbox has one, on which a role is chosen
    templates.globals["asset"] = lambda name: f"/admin/static/{name}?v={files[name].version}"
    return Console(routes=routes, files=files, templates=templates)


@cache
def _read_files() -> Mapping[str, StaticFile]:
    found = {}
    for path in sorted((HERE / "static").iterdir()):
        body = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "text/plain"
        version = hashlib.sha256(body).hexdigest()[:12]
        found[path.name] = StaticFile(body=body, content_type=kind, version=version)
    return found
