"""Reading Twilio's list of texts: what customers sent, whether or not a webhook told of it.

Facts: Twilio's OpenAPI description of Messages.json. The list runs from the newest to the oldest,
its times are whole seconds, and it can be filtered by day only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from bridge.carriers.contract import InboundText, Media
from bridge.carriers.twilio_api import NAME, TwilioApi, seconds_of
from bridge.carriers.twilio_errors import WITHHELD
from bridge.carriers.twilio_webhooks import LONGEST_BODY, LONGEST_ID, MOST_MEDIA, error_code
from bridge.domain.numbers import country_of, display, read_address
from bridge.errors import BadRequest, CredentialsRefused, Refused, TryLater

PAGE_SIZE = 200
MOST_PAGES = 500  # a hundred thousand texts to one number: no outage is that long


async def list_texts_to(api: TwilioApi, sender: str, *, since_ms: int) -> list[InboundText]:
    """Texts to one number of ours that Twilio got since, oldest first.

    Raises TryLater, Refused or CredentialsRefused.
    """
    day = datetime.fromtimestamp(since_ms / 1000, UTC).date().isoformat()
    query = [("To", display(sender)), ("DateSent>", day), ("PageSize", str(PAGE_SIZE))]
    found: list[InboundText] = []
    page: str | None = None
    for _ in range(MOST_PAGES):
        listed, page = await _page(api, query, page)
        for record in listed:
            text = await _text(api, record, sender, since_ms)
            if text is not None:
                found.append(text)
        is_older = bool(listed) and _time_ms(listed[-1]) < since_ms
        if page is None or is_older:
            found.reverse()
            return found
    raise Refused(NAME, "Twilio's list of texts to one number has no end.", code="too long")


async def _page(
    api: TwilioApi, query: list[tuple[str, str]], page: str | None
) -> tuple[list[Mapping[str, object]], str | None]:
    answer = await api.read("/Messages.json", query, page=page)
    listed = answer.get("messages")
    if not isinstance(listed, list):
        raise TryLater(NAME, "Twilio's list of texts can't be read.")
    following = answer.get("next_page_uri")
    records: list[Mapping[str, object]] = [item for item in listed if isinstance(item, dict)]
    return records, following if isinstance(following, str) and following else None


async def _text(
    api: TwilioApi, record: Mapping[str, object], sender: str, since_ms: int
) -> InboundText | None:
    """One line of the list as a text, None where it is no text to us since then."""
    sid = record.get("sid")
    sent_at_ms = _time_ms(record)
    if record.get("direction") != "inbound" or record.get("to") != display(sender):
        return None
    if sent_at_ms < since_ms or not isinstance(sid, str) or not 0 < len(sid) <= LONGEST_ID:
        return None
    try:
        customer = read_address(str(record.get("from") or ""), country_of(sender))
    except BadRequest:
        return None
    has_media = str(record.get("num_media") or "0") != "0"
    return InboundText(
        carrier_id=sid,
        sender=sender,
        customer=customer,
        body=str(record.get("body") or "").replace("\0", "")[:LONGEST_BODY],
        media=await _media(api, sid) if has_media else (),
        sent_at_ms=sent_at_ms,
        withheld=error_code(record.get("error_code")) == WITHHELD,
    )


async def _media(api: TwilioApi, sid: str) -> tuple[Media, ...]:
    try:
        answer = await api.read(f"/Messages/{sid}/Media.json")
    except CredentialsRefused:
        raise
    except Refused:
        return ()  # deleted meanwhile; the words are still a text
    listed = answer.get("media_list")
    return tuple(
        Media(
            url=api.address(f"/Messages/{sid}/Media/{record['sid']}"),
            content_type=str(record.get("content_type") or "application/octet-stream"),
        )
        for record in (listed if isinstance(listed, list) else [])[:MOST_MEDIA]
        if isinstance(record, dict) and isinstance(record.get("sid"), str)
    )


def _time_ms(record: Mapping[str, object]) -> int:
    """When Twilio got the text, 0 where it does not say."""
    for name in ("date_created", "date_sent"):
        seconds = seconds_of(record.get(name))
        if seconds is not None:
            return int(seconds * 1000)
    return 0
