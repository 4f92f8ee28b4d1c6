"""Calls to Zendesk's REST API: credentials in, one of the four outcomes out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import urlencode

import structlog

from bridge.clock import Clock, steady_ms
from bridge.desks.zendesk.answers import (
    credentials_refused,
    failure,
    is_scope_missing,
    not_answered,
    not_usable,
    parsed,
    read_problem,
    room_left,
)
from bridge.desks.zendesk.auth import Credentials
from bridge.desks.zendesk.files import ZendeskFiles
from bridge.desks.zendesk.records import Record, record_of
from bridge.http import Answer, CallFailed, HttpClient

Params = Mapping[str, str | int | Sequence[str]]
PAGE_SIZE = 100
ME = "/api/v2/users/me"
SPARE = 0.2
POOL_WINDOW_MS = 60_000

log = structlog.get_logger(__name__)


class ZendeskApi:
    """One Zendesk account.

    Paths are like "/api/v2/tickets/5". Every call raises TryLater, Refused (ZendeskRefused),
    CredentialsRefused, and writes OutcomeUnknown. With `expect`, a success without that key
    counts as no usable answer.
    """

    def __init__(
        self, *, base_url: str, credentials: Credentials, http: HttpClient, clock: Clock
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._credentials = credentials
        self._http = http
        self._clock = clock
        self._low_until_ms = 0

    def spare_in_s(self) -> float:
        """Seconds until calls that can wait may be made again: they leave the last fifth of the
        account's pool, which is filled every minute, to others."""
        return max(0.0, (self._low_until_ms - steady_ms(self._clock)) / 1000)

    async def get(
        self, path: str, params: Params | None = None, *, expect: str | None = None
    ) -> Record:
        """Read."""
        query = "?" + urlencode(params, doseq=True) if params else ""
        return await self._call("GET", path + query, None, None, expect)

    async def files(self) -> ZendeskFiles:
        """Where attachments may be fetched from now. Raises TryLater or CredentialsRefused."""
        return ZendeskFiles(
            base_url=self._base_url, authorization=await self._credentials.authorization()
        )

    async def post(
        self,
        path: str,
        json_or_bytes: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        expect: str | None = None,
    ) -> Record:
        """Create. Bytes go out as they are, anything else as JSON."""
        return await self._call("POST", path, json_or_bytes, headers, expect)

    async def put(
        self,
        path: str,
        json_or_bytes: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        expect: str | None = None,
    ) -> Record:
        """Change."""
        return await self._call("PUT", path, json_or_bytes, headers, expect)

    async def patch(
        self,
        path: str,
        json_or_bytes: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        expect: str | None = None,
    ) -> Record:
        """Change in part."""
        return await self._call("PATCH", path, json_or_bytes, headers, expect)

    async def delete(
        self,
        path: str,
        json_or_bytes: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        expect: str | None = None,
    ) -> Record:
        """Delete."""
        return await self._call("DELETE", path, json_or_bytes, headers, expect)

    async def pages(
        self, path: str, key: str, params: Params | None = None
    ) -> AsyncIterator[Record]:
        """The records of a list, page after page (cursor pages, or offset pages by `next_page`)."""
        async for page in self.whole_pages(path, key, params):
            for record in page[key]:
                if isinstance(record, dict):
                    yield record

    async def whole_pages(
        self, path: str, key: str, params: Params | None = None
    ) -> AsyncIterator[Record]:
        """The same page by page, with what is side-loaded; each has a list under `key`."""
        asked = dict(params or {})
        if not any(name.startswith(("page", "per_page")) for name in asked):
            asked["page[size]"] = PAGE_SIZE
        target = f"{path}?{urlencode(asked, doseq=True)}"
        seen = {target}
        while True:
            page = await self._call("GET", target, None, None, key)
            if not isinstance(page[key], list):
                raise not_usable(f"{key} is not a list", write=False)
            yield page
            following = self._following(page, path, asked)
            if following is None:
                return
            if following in seen:
                raise not_usable("its pages go round in a circle", write=False)
            seen.add(following)
            target = following

    def _following(self, page: Record, path: str, asked: Params) -> str | None:
        meta = record_of(page, "meta")
        if meta:
            # links.next is filled even on the last page: has_more alone counts.
            if meta.get("has_more") is not True:
                return None
            cursor = meta.get("after_cursor")
            if isinstance(cursor, str) and cursor:
                return f"{path}?{urlencode({**asked, 'page[after]': cursor}, doseq=True)}"
            return self._own_target(record_of(page, "links").get("next"))
        link = page.get("next_page")
        return None if link is None else self._own_target(link)

    def _own_target(self, link: object) -> str:
        # The credentials would travel along, so a link to anywhere else is not followed.
        if isinstance(link, str) and link.startswith(self._base_url + "/"):
            return link.removeprefix(self._base_url)
        raise not_usable("its next page is not at this account's address", write=False)

    async def _call(
        self,
        method: str,
        target: str,
        content: object,
        headers: Mapping[str, str] | None,
        expect: str | None,
    ) -> Record:
        write = method != "GET"
        body = None if content is None else _body(content)
        sent = {"accept": "application/json"}
        if body is not None:
            sent["content-type"] = "application/json"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        header = await self._credentials.authorization()
        answer = await self._send(method, target, sent | {"authorization": header}, body)
        if answer.status == 401:
            # A 401 is certainly not applied, so that even a write may be repeated.
            header = await self._credentials.renewed(header)
            answer = await self._send(method, target, sent | {"authorization": header}, body)
        if answer.status == 403 and not is_scope_missing(answer):
            await self._confirm_account(answer, target, sent | {"authorization": header})
            # The account may have been let in between the two; a 403 is certainly not applied. Only
            # what is refused once more is refused by itself.
            answer = await self._send(method, target, sent | {"authorization": header}, body)
        if not 200 <= answer.status < 300:
            now_ms = self._clock.now_ms()
            raise failure(answer, write=write, now_ms=now_ms, update=method == "PUT")
        return parsed(answer, write=write, expect=expect)

    async def _confirm_account(
        self, refused: Answer, target: str, headers: Mapping[str, str]
    ) -> None:
        """Return where a 403 was about one call: the account still knows who we are.

        Raises CredentialsRefused, and TryLater where that can't be found out (nothing was applied).
        """
        me = refused if target == ME else await self._send("GET", ME, headers, None)
        if me.status == 403:
            raise credentials_refused(403, read_problem(refused))
        if not 200 <= me.status < 300:
            raise failure(me, write=False, now_ms=self._clock.now_ms())
        if record_of(parsed(me, write=False, expect="user"), "user").get("id") is None:
            # Whoever has no credentials at all is "Anonymous user", with the status 200.
            raise credentials_refused(403, read_problem(refused))

    def _note_room(self, answer: Answer) -> None:
        left = room_left(answer.headers)
        if left is not None:
            low = left < SPARE
            self._low_until_ms = steady_ms(self._clock) + POOL_WINDOW_MS if low else 0

    async def _send(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        try:
            answer = await self._http.call(
                method, self._base_url + target, headers=headers, body=body
            )
        except CallFailed as error:
            raise not_answered(error, write=method != "GET") from error
        _note_warning(method, target, answer)
        self._note_room(answer)
        return answer


def _body(content: object) -> bytes:
    if isinstance(content, bytes):
        return content
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _note_warning(method: str, target: str, answer: Answer) -> None:
    # Zendesk ignores keys that it does not know or allow, and only names them here.
    warning = answer.headers.get("x-zendesk-api-warn")
    if warning:
        path = target.partition("?")[0]
        log.warning("zendesk.warned", method=method, path=path, warning=warning[:500])
