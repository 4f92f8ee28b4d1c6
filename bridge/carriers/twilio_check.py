"""What `bridge doctor` asks Twilio: account, clock, and where each number sends its texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from bridge.carriers.contract import Finding
from bridge.carriers.errors import as_object
from bridge.carriers.twilio_api import RETRIES, TwilioApi, failure, seconds_of
from bridge.carriers.twilio_errors import TABLE
from bridge.clock import Clock
from bridge.domain.numbers import display, is_short_code
from bridge.errors import FarSideError
from bridge.http import Answer, CallFailed

LARGEST_SKEW_S = 60  # Zendesk's webhooks are refused from 300 s on; a sane clock is far below


async def check_account(
    api: TwilioApi, clock: Clock, *, senders: Sequence[str], public_url: str
) -> list[Finding]:
    """Every finding about this account; the rest is left out where the credentials fail."""
    try:
        answer = await _read(api, ".json", ())
    except FarSideError as error:
        return [
            Finding(
                check="twilio credentials",
                ok=False,
                detail=error.words,
                mend="set BRIDGE_TWILIO_ACCOUNT_SID and BRIDGE_TWILIO_AUTH_TOKEN as Twilio's"
                " console shows them, and see that this machine reaches BRIDGE_TWILIO_API_URL",
            )
        ]
    wanted = f"{public_url.rstrip('/')}/carriers/twilio/inbound"
    return [
        _account(as_object(answer)),
        *_clock(answer, clock),
        *[await _sender(api, sender, wanted) for sender in senders],
    ]


def _account(account: Mapping[str, object]) -> Finding:
    status = account.get("status")
    if status != "active":
        return Finding(
            check="twilio account",
            ok=False,
            detail=f"the account is {status or 'in no state that Twilio names'}",
            mend="settle this with Twilio; no text can be sent until then",
        )
    if account.get("type") == "Trial":
        return Finding(
            check="twilio account",
            ok=False,
            detail="a trial account texts verified numbers only, so replies would fail",
            mend="upgrade the account in Twilio's console",
        )
    return Finding(check="twilio account", ok=True, detail="credentials accepted, account active")


def _clock(answer: Answer, clock: Clock) -> list[Finding]:
    theirs_s = seconds_of(answer.headers.get("date"))
    if theirs_s is None:
        return []
    skew_s = round(clock.now_ms() / 1000 - theirs_s)
    direction = "ahead of" if skew_s > 0 else "behind"
    return [
        Finding(
            check="clock against Twilio",
            ok=abs(skew_s) <= LARGEST_SKEW_S,
            detail=f"{abs(skew_s)} s {direction} Twilio's",
            mend="" if abs(skew_s) <= LARGEST_SKEW_S else "switch on time synchronisation (NTP)",
        )
    ]


async def _sender(api: TwilioApi, sender: str, wanted: str) -> Finding:
    number = display(sender)
    if is_short_code(sender):
        resource, name, field = "/SMS/ShortCodes.json", "ShortCode", "short_codes"
    else:
        resource, name, field = (
            "/IncomingPhoneNumbers.json",
            "PhoneNumber",
            "incoming_phone_numbers",
        )
    key = "short_code" if is_short_code(sender) else "phone_number"
    check = f"twilio number {number}"
    try:
        found = as_object(await _read(api, resource, ((name, number),))).get(field)
    except FarSideError as error:
        return Finding(check=check, ok=False, detail=error.words, mend="run doctor again")
    entries = [
        entry
        for entry in (found if isinstance(found, list) else [])
        if isinstance(entry, dict) and entry.get(key) == number
    ]
    if not entries:
        return Finding(
            check=check,
            ok=False,
            detail="the account does not own this number",
            mend="buy it at Twilio, or take the sender out of the settings file",
        )
    return _webhook(check, entries[0], wanted)


def _webhook(check: str, entry: Mapping[str, object], wanted: str) -> Finding:
    best = f"{wanted}#{RETRIES}"
    place = "in Twilio's console, at the number's messaging settings"
    if entry.get("sms_application_sid"):
        return Finding(
            check=check,
            ok=False,
            detail="a TwiML app takes this number's texts, whatever webhook is set",
            mend=f"{place}: choose a webhook instead of the app, and set it to {best}",
        )
    capabilities = entry.get("capabilities")
    if isinstance(capabilities, dict) and capabilities.get("sms") is False:
        return Finding(
            check=check,
            ok=False,
            detail="this number can't text",
            mend="use a number whose capabilities include SMS",
        )
    address, _, fragment = str(entry.get("sms_url") or "").partition("#")
    method = str(entry.get("sms_method") or "POST").upper()
    if address != wanted or method != "POST":
        detail = f"incoming texts go to {method} {address}" if address else "no webhook is set"
        return Finding(
            check=check, ok=False, detail=detail, mend=f"{place}: set the webhook to POST {best}"
        )
    if not _asks_for_retries(fragment):
        return Finding(
            check=check,
            ok=True,
            detail="webhook set, but Twilio won't repeat one that we could not store",
            mend=f"{place}: better set the webhook to {best}",
        )
    return Finding(check=check, ok=True, detail="webhook set, repeated by Twilio on every fault")


def _asks_for_retries(fragment: str) -> bool:
    asked = parse_qs(fragment)
    count = asked.get("rc", ["1"])[0]
    policies = set(",".join(asked.get("rp", ["ct"])).split(","))
    return bool({"all", "5xx"} & policies) and count.isdecimal() and int(count) > 0


async def _read(api: TwilioApi, resource: str, query: Sequence[tuple[str, str]]) -> Answer:
    try:
        answer = await api.get(resource, query)
    except CallFailed as failed:
        raise TABLE.no_answer(failed, sending=False) from failed
    if answer.status != 200 or not as_object(answer):
        raise failure(answer, sending=False)
    return answer
