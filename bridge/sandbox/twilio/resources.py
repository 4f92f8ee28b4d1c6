"""Numbers and pages of lists, written as the API does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from bridge.sandbox.twilio.account import TwilioRefusal
from bridge.sandbox.twilio.records import API_VERSION, MMS_COUNTRIES, rfc2822

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from bridge.sandbox.twilio.records import Json, Number

DEFAULT_PAGE, LARGEST_PAGE = 50, 1000


def page_json(request: web.Request, name: str, items: Sequence[Json]) -> Json:
    """Cut one page out of a list. The page token names the last resource of the page before."""
    try:
        size = int(request.query.get("PageSize", DEFAULT_PAGE))
        page = int(request.query.get("Page", 0))
    except ValueError:
        raise TwilioRefusal(400, 20001, "PageSize or Page is not a number") from None
    size = max(1, min(size, LARGEST_PAGE))
    start = _start(request, items)
    window = items[start : start + size]
    kept = [(key, value) for key, value in request.query.items() if key not in _PAGING]
    has_more = start + size < len(items)
    return {
        name: list(window),
        "end": start + len(window) - 1 if window else start,
        "first_page_uri": _uri(request, kept, size, 0, None),
        "next_page_uri": _uri(request, kept, size, page + 1, window[-1]) if has_more else None,
        "page": page,
        "page_size": size,
        "previous_page_uri": None,
        "start": start,
        "uri": request.path_qs,
    }


def number_json(number: Number, account_sid: str) -> Json:
    """Write a long code or toll-free number."""
    path = f"/{API_VERSION}/Accounts/{account_sid}/IncomingPhoneNumbers/{number.sid}.json"
    mms = number.country in MMS_COUNTRIES
    return {
        "account_sid": account_sid,
        "address_requirements": "none",
        "address_sid": None,
        "api_version": API_VERSION,
        "beta": False,
        "bundle_sid": None,
        "capabilities": {"voice": True, "sms": True, "mms": mms, "fax": False},
        "date_created": rfc2822(number.created_ms),
        "date_updated": rfc2822(number.created_ms),
        "emergency_address_sid": None,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": number.friendly_name,
        "identity_sid": None,
        "origin": "twilio",
        "phone_number": number.number,
        "sid": number.sid,
        "sms_application_sid": "",
        "sms_fallback_method": number.fallback_method,
        "sms_fallback_url": number.fallback_url,
        "sms_method": number.sms_method,
        "sms_url": number.sms_url,
        "status": "in-use",
        "status_callback": "",
        "status_callback_method": "POST",
        "trunk_sid": None,
        "type": "toll-free" if number.kind == "toll_free" else "local",
        "uri": path,
        "voice_application_sid": None,
        "voice_caller_id_lookup": False,
        "voice_fallback_method": "POST",
        "voice_fallback_url": "",
        "voice_method": "POST",
        "voice_receive_mode": "voice",
        "voice_url": "",
    }


def short_code_json(number: Number, account_sid: str) -> Json:
    """Write a short code."""
    path = f"/{API_VERSION}/Accounts/{account_sid}/SMS/ShortCodes/{number.sid}.json"
    return {
        "account_sid": account_sid,
        "api_version": API_VERSION,
        "date_created": rfc2822(number.created_ms),
        "date_updated": rfc2822(number.created_ms),
        "friendly_name": number.friendly_name,
        "short_code": number.number,
        "sid": number.sid,
        "sms_fallback_method": number.fallback_method,
        "sms_fallback_url": number.fallback_url,
        "sms_method": number.sms_method,
        "sms_url": number.sms_url,
        "uri": path,
    }


_PAGING = {"Page", "PageSize", "PageToken"}


def _start(request: web.Request, items: Sequence[Json]) -> int:
    token = request.query.get("PageToken")
    if token is None:
        return 0
    for position, item in enumerate(items):
        if f"PA{item['sid']}" == token:
            return position + 1
    raise TwilioRefusal(400, 20001, "Invalid page token")


def _uri(
    request: web.Request, kept: list[tuple[str, str]], size: int, page: int, last: Json | None
) -> str:
    query = [*kept, ("PageSize", str(size)), ("Page", str(page))]
    if last is not None:
        query.append(("PageToken", f"PA{last['sid']}"))
    return f"{request.path}?{urlencode(query)}"
