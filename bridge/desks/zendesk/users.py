"""Users: what we send, what we read, and whose number it is. No calls are made here."""

from __future__ import annotations

import re

import phonenumbers

from bridge.desks.contract import DeskUser, UserId
from bridge.desks.zendesk.comments import STAFF_ROLES
from bridge.desks.zendesk.records import Record, id_of, optional_text, optional_time

LONGEST_NAME = 255  # longer ones are refused
_NOT_DIGITS = re.compile(r"[^0-9]")


def creation_request(*, external_id: str, name: str, phone: str | None) -> dict[str, object]:
    """An end user to create, without a welcome mail."""
    user: dict[str, object] = {
        "name": (name.strip() or external_id)[:LONGEST_NAME],
        "external_id": external_id,
        "role": "end-user",
        "skip_verify_email": True,
    }
    if phone is not None:
        user["phone"] = phone
    return {"user": user}


def read_user(record: Record) -> DeskUser:
    """A user as read. Raises Malformed."""
    return DeskUser(
        id=UserId(id_of(record, "id")),
        name=optional_text(record, "name") or "",
        phone=optional_text(record, "phone"),
        email=optional_text(record, "email"),
        is_staff=record.get("role") in STAFF_ROLES,
        # Deleted users and the losers of a merge stay readable as inactive.
        active=record.get("active") is not False,
        suspended=record.get("suspended") is True,
        updated_at_ms=optional_time(record, "updated_at"),
        external_id=optional_text(record, "external_id"),
    )


def phone_query(spelling: str) -> str:
    """The search for a user by one spelling."""
    # White space would end the search term.
    return f'phone:"{spelling}"' if " " in spelling else f"phone:{spelling}"


def is_number(phone: str | None, number: str) -> bool:
    """Whether a phone as somebody wrote it is this E.164 number."""
    wanted = _parse(number, None)
    if wanted is None or phone is None:
        return False
    digits = _e164(wanted).removeprefix("+")
    if _NOT_DIGITS.sub("", phone) in {digits, f"00{digits}"}:
        # Typed without its plus; where numbers vary in length, parsing takes it for a national one,
        # and "00" is not what every country dials abroad.
        return True
    # Made-up and very new numbers have a country code, yet no region of their own.
    region = phonenumbers.region_code_for_number(
        wanted
    ) or phonenumbers.region_code_for_country_code(wanted.country_code or 0)
    found = _parse(phone, region)
    return found is not None and found.extension is None and _e164(found) == _e164(wanted)


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
