"""The REST API, version 2010-04-01: messages, media, numbers, short codes, the account."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDict

from bridge.sandbox.twilio.account import Account, TwilioRefusal, is_plausible, not_found
from bridge.sandbox.twilio.records import API_VERSION, FINISHED, Json, Media, rfc2822
from bridge.sandbox.twilio.resources import number_json, page_json, short_code_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.typedefs import Handler, Middleware
    from multidict import MultiMapping

    from bridge.sandbox.twilio.records import Message, Number

ROOT = f"/{API_VERSION}/Accounts/{{account}}"


class Rest:
    """The handlers. `accepted` is called with every message taken for sending."""

    def __init__(
        self, account: Account, auth_token: str, accepted: Callable[[Message], None]
    ) -> None:
        self.account = account
        self.auth_token = auth_token
        self.api_keys: dict[str, str] = {}
        self.concurrency_limit: int | None = None
        self.media_needs_auth = True
        self.storage_url = ""
        self.storage: dict[str, Media] = {}
        self._accepted = accepted
        self._running = 0

    def routes(self) -> list[web.RouteDef]:
        """List every address that is served."""
        message, number = f"{ROOT}/Messages/{{sid}}", f"{ROOT}/IncomingPhoneNumbers"
        return [
            web.get(f"{ROOT}.json", self.show_account),
            web.post(f"{ROOT}/Messages.json", self.create_message),
            web.get(f"{ROOT}/Messages.json", self.list_messages),
            web.get(f"{message}.json", self.show_message),
            web.post(f"{message}.json", self.update_message),
            web.delete(f"{message}.json", self.delete_message),
            web.get(f"{message}/Media.json", self.list_media),
            web.get(f"{message}/Media/{{media}}.json", self.show_media),
            web.get(f"{message}/Media/{{media}}", self.redirect_media),
            web.delete(f"{message}/Media/{{media}}.json", self.delete_media),
            web.get(f"{number}.json", self.list_numbers),
            web.post(f"{number}.json", self.buy_number),
            web.get(f"{number}/{{sid}}.json", self.show_number),
            web.post(f"{number}/{{sid}}.json", self.update_number),
            web.get(f"{ROOT}/SMS/ShortCodes.json", self.list_short_codes),
            web.get(f"{ROOT}/SMS/ShortCodes/{{sid}}.json", self.show_number),
            web.post(f"{ROOT}/SMS/ShortCodes/{{sid}}.json", self.update_number),
            web.get("/storage/{token}", self.serve_storage),
        ]

    def middleware(self) -> Middleware:
        """Return the aiohttp middleware: who asks, too many at once, errors in Twilio's words."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            limit = self.concurrency_limit
            if limit is not None and self._running >= limit:
                return error_response(TwilioRefusal(429, 20429, "Too Many Requests"))
            self._running += 1
            try:
                self._authenticate(request)
                return await handler(request)
            except TwilioRefusal as refusal:
                return error_response(refusal)
            except web.HTTPMethodNotAllowed:
                return error_response(TwilioRefusal(405, 20004, "Method not allowed"))
            except web.HTTPNotFound:
                return error_response(not_found(request.path.lstrip("/")))
            finally:
                self._running -= 1

        return guard

    def _authenticate(self, request: web.Request) -> None:
        if request.path.startswith("/storage/"):
            return
        is_file = "/Media/ME" in request.path and not request.path.endswith(".json")
        if is_file and not self.media_needs_auth and "Authorization" not in request.headers:
            return
        user, _, secret = _basic(request.headers.get("Authorization", "")).partition(":")
        wanted = self.auth_token if user == self.account.sid else self.api_keys.get(user)
        if wanted is None or not hmac.compare_digest(secret.encode(), wanted.encode()):
            raise TwilioRefusal(401, 20003, "Authenticate")
        named = request.match_info.get("account")
        if named is not None and named != self.account.sid:
            raise not_found(request.path.lstrip("/"))
        if self.account.status != "active" and request.method != "GET":
            raise TwilioRefusal(403, 20005, "Account not active")

    async def show_account(self, _request: web.Request) -> web.Response:
        """GET the account."""
        account = self.account
        uri = f"/{API_VERSION}/Accounts/{account.sid}"
        names = {"messages": "Messages", "incoming_phone_numbers": "IncomingPhoneNumbers"}
        return web.json_response(
            {
                "auth_token": "[Redacted]",
                "date_created": rfc2822(0),
                "date_updated": rfc2822(0),
                "friendly_name": "Sandbox",
                "owner_account_sid": account.sid,
                "sid": account.sid,
                "status": account.status,
                "subresource_uris": {name: f"{uri}/{path}.json" for name, path in names.items()},
                "type": "Full",
                "uri": f"{uri}.json",
            }
        )

    async def create_message(self, request: web.Request) -> web.Response:
        """POST a message to send."""
        form = await _form(request)
        to, sender = form.get("To", ""), form.get("From", "")
        body, media = form.get("Body", ""), form.getall("MediaUrl", [])
        if not to:
            raise TwilioRefusal(400, 21604, "A 'To' phone number is required.")
        if not sender and not form.get("MessagingServiceSid"):
            raise TwilioRefusal(400, 21603, "A 'From' phone number is required.")
        if not body and not media:
            raise TwilioRefusal(400, 21602, "Message body is required.")
        callback = form.get("StatusCallback") or None
        if callback is not None and not is_callable(callback):
            raise TwilioRefusal(400, 21609, f"The 'StatusCallback' URL {callback} is not valid.")
        self.account.check_outgoing(to=to, sender=sender, body=body, media=media)
        message = self.account.accept(
            to=to, sender=sender, body=body, media_urls=media, status_callback=callback
        )
        answer = web.json_response(message.to_json(self.account.sid), status=201)
        self._accepted(message)
        return answer

    async def list_messages(self, request: web.Request) -> web.Response:
        """GET the list, newest first, by To, From, DateSent."""
        query = request.query
        keep = [
            message
            for message in self.account.listed()
            if query.get("To", message.to) == message.to
            and query.get("From", message.sender) == message.sender
            and _sent_on(message, query)
        ]
        found = [message.to_json(self.account.sid) for message in keep]
        return web.json_response(page_json(request, "messages", found))

    async def show_message(self, request: web.Request) -> web.Response:
        """GET one message."""
        message = self.account.message(request.match_info["sid"])
        return web.json_response(message.to_json(self.account.sid))

    async def update_message(self, request: web.Request) -> web.Response:
        """POST an empty Body: the text is redacted."""
        message = self._finished_message(request)
        form = await _form(request)
        if form.get("Body") != "":
            raise TwilioRefusal(400, 20001, "Body must be an empty string")
        message.body, message.updated_ms = "", self.account.now_ms()
        return web.json_response(message.to_json(self.account.sid))

    async def delete_message(self, request: web.Request) -> web.Response:
        """DELETE a message."""
        self.account.messages.remove(self._finished_message(request))
        return web.Response(status=204)

    async def list_media(self, request: web.Request) -> web.Response:
        """GET the files of a message."""
        message = self.account.message(request.match_info["sid"])
        found = [self._media_json(message, media) for media in message.media]
        return web.json_response(page_json(request, "media_list", found))

    async def show_media(self, request: web.Request) -> web.Response:
        """GET what is known of a file."""
        return web.json_response(self._media_json(*self._media(request)))

    async def redirect_media(self, request: web.Request) -> web.Response:
        """GET a file: a redirect to where it is stored, good for a while."""
        _message, media = self._media(request)
        token = secrets.token_urlsafe(24)
        self.storage[token] = media
        return web.Response(status=307, headers={"Location": f"{self.storage_url}/storage/{token}"})

    async def delete_media(self, request: web.Request) -> web.Response:
        """DELETE a file."""
        message, media = self._media(request)
        message.media.remove(media)
        return web.Response(status=204)

    async def serve_storage(self, request: web.Request) -> web.Response:
        """GET from storage: a signed address, which refuses any other kind of proof."""
        if "Authorization" in request.headers:
            text = "<Error><Code>InvalidArgument</Code></Error>"
            return web.Response(status=400, text=text, content_type="application/xml")
        media = self.storage.get(request.match_info["token"])
        if media is None:
            return web.Response(status=403)
        return web.Response(body=media.content, content_type=media.content_type)

    async def list_numbers(self, request: web.Request) -> web.Response:
        """GET the long codes and toll-free numbers, by PhoneNumber or a part of one."""
        wanted = request.query.get("PhoneNumber", "").replace("*", "")
        found = [
            number_json(number, self.account.sid)
            for number in self.account.numbers.values()
            if number.kind != "short_code" and wanted in number.number
        ]
        return web.json_response(page_json(request, "incoming_phone_numbers", found))

    async def buy_number(self, request: web.Request) -> web.Response:
        """POST: buy a number, with its webhook address."""
        form = await _form(request)
        wanted = form.get("PhoneNumber", "")
        if not is_plausible(wanted):
            raise TwilioRefusal(400, 21421, f"{wanted} is not a valid phone number")
        if wanted in self.account.numbers:
            raise TwilioRefusal(400, 21422, f"{wanted} is not available")
        number = self.account.add_number(
            wanted,
            form.get("SmsUrl", ""),
            kind="long_code",
            country="US",
            advanced_opt_out=False,
            sms_method=form.get("SmsMethod", "POST"),
        )
        return web.json_response(number_json(number, self.account.sid), status=201)

    async def list_short_codes(self, request: web.Request) -> web.Response:
        """GET the short codes; they are not among the phone numbers."""
        wanted = request.query.get("ShortCode", "").replace("*", "")
        found = [
            short_code_json(number, self.account.sid)
            for number in self.account.numbers.values()
            if number.kind == "short_code" and wanted in number.number
        ]
        return web.json_response(page_json(request, "short_codes", found))

    async def show_number(self, request: web.Request) -> web.Response:
        """GET a number or short code."""
        return self._number_response(self._number(request))

    async def update_number(self, request: web.Request) -> web.Response:
        """POST a number's webhook address and method."""
        number, form = self._number(request), await _form(request)
        for name in ("SmsUrl", "SmsFallbackUrl"):
            if form.get(name) and not is_callable(form[name]):
                raise TwilioRefusal(400, 21502, f"{name} is not valid: {form[name]}")
        for name in ("SmsMethod", "SmsFallbackMethod"):
            if form.get(name, "POST") not in {"GET", "POST"}:
                raise TwilioRefusal(400, 21503, f"{name} is not valid: {form[name]}")
        number.sms_url = form.get("SmsUrl", number.sms_url)
        number.sms_method = form.get("SmsMethod", number.sms_method)
        number.fallback_url = form.get("SmsFallbackUrl", number.fallback_url)
        number.fallback_method = form.get("SmsFallbackMethod", number.fallback_method)
        number.friendly_name = form.get("FriendlyName", number.friendly_name)
        self.account.changed("number", number=number.number, sms_url=number.sms_url)
        return self._number_response(number)

    def _number_response(self, number: Number) -> web.Response:
        write = short_code_json if number.kind == "short_code" else number_json
        return web.json_response(write(number, self.account.sid))

    def _number(self, request: web.Request) -> Number:
        sid = request.match_info["sid"]
        is_short_code = "/SMS/ShortCodes/" in request.path
        for number in self.account.numbers.values():
            if number.sid == sid and (number.kind == "short_code") == is_short_code:
                return number
        raise not_found(request.path.lstrip("/"))

    def _finished_message(self, request: web.Request) -> Message:
        message = self.account.message(request.match_info["sid"])
        if message.status not in FINISHED:
            raise TwilioRefusal(409, 20009, "Resource not complete")
        return message

    def _media(self, request: web.Request) -> tuple[Message, Media]:
        message = self.account.message(request.match_info["sid"])
        for media in message.media:
            if media.sid == request.match_info["media"]:
                return message, media
        raise not_found(request.path.lstrip("/"))

    def _media_json(self, message: Message, media: Media) -> Json:
        path = f"/{API_VERSION}/Accounts/{self.account.sid}/Messages/{message.sid}"
        return {
            "account_sid": self.account.sid,
            "content_type": media.content_type,
            "date_created": rfc2822(media.created_ms),
            "date_updated": rfc2822(media.created_ms),
            "parent_sid": message.sid,
            "sid": media.sid,
            "uri": f"{path}/Media/{media.sid}.json",
        }


def error_response(refusal: TwilioRefusal) -> web.Response:
    """Write an error as Twilio does."""
    body = {
        "code": refusal.code,
        "message": refusal.message,
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }
    headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if refusal.status == 401 else {}
    return web.json_response(body, status=refusal.status, headers=headers)


def is_callable(url: str) -> bool:
    """Whether Twilio would take this as a webhook address (no underscore in the host name)."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host) and "_" not in host


def _basic(header: str) -> str:
    kind, _, coded = header.partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(coded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def _form(request: web.Request) -> MultiMapping[str]:
    # Anything else than a form is not read at all: every parameter is then missing.
    if request.content_type != "application/x-www-form-urlencoded":
        return MultiDict()
    return await request.post()  # type: ignore[return-value] # no files in this encoding


def _sent_on(message: Message, query: MultiMapping[str]) -> bool:
    wanted = {name: query[name] for name in ("DateSent", "DateSent<", "DateSent>") if name in query}
    if not wanted:
        return True
    if message.sent_ms is None:
        return False
    day = datetime.fromtimestamp(message.sent_ms / 1000, UTC).date()
    return (
        ("DateSent" not in wanted or day == _day(wanted["DateSent"]))
        and ("DateSent<" not in wanted or day <= _day(wanted["DateSent<"]))
        and ("DateSent>" not in wanted or day >= _day(wanted["DateSent>"]))
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise TwilioRefusal(400, 20001, f"{text} is not a valid date") from None
