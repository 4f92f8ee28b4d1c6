"""Vonage's codes as data.

Three lists share numbers, so each code says which it is of: `sms-4` answers a send by the SMS API,
`dlr-4` stands in a receipt, and a bare number is the Messages API's, in answers and statuses.
"""

from __future__ import annotations

from bridge.carriers.errors import (
    CHECK_NUMBER,
    OTHER_CHANNEL,
    TELL_ADMIN,
    CarrierError,
    ErrorTable,
)

NAME = "vonage"

_CREDENTIALS = CarrierError(
    "account",
    "Vonage refused the credentials. Check BRIDGE_VONAGE_API_KEY and BRIDGE_VONAGE_API_SECRET;"
    " texts wait until then.",
)
_LATER = CarrierError("later", "Vonage takes no more texts at the moment. It is tried again.")
_CREDIT = CarrierError(
    "account", "The Vonage account has no credit left. Its owner has to fill it up."
)
_SENDER = CarrierError("configuration", f"Vonage does not let our number send. {TELL_ADMIN}")
_SETTING = CarrierError("configuration", f"The Vonage account may not do this. {TELL_ADMIN}")
_BAD_NUMBER = CarrierError("permanent", f"Vonage does not take this number. {CHECK_NUMBER}")
_BARRED = CarrierError("permanent", f"This number is barred from texts. {OTHER_CHANNEL}")
_TOO_LONG = CarrierError("permanent", "The text is too long. Send it again in shorter pieces.")
_SPAM = CarrierError(
    "permanent",
    "The network filtered the text out as unwanted. Word it differently, without shortened links,"
    " or use another channel.",
)
_ABSENT = CarrierError("permanent", "The phone could not be reached. Try once more later.")
_GONE = CarrierError("permanent", f"No phone has this number any more. {CHECK_NUMBER}")
_NETWORK = CarrierError("permanent", "The network was out of order. Send it again once.")
_UNSAID = CarrierError(
    "permanent", "The network did not say why the text failed. Send it again once."
)
_OPTED_OUT = CarrierError(
    "opted_out",
    "The customer has opted out of texts from this number (STOP). Nothing can be sent until they"
    f" send START. {OTHER_CHANNEL}",
)

ERRORS = ErrorTable(
    carrier=NAME,
    title="Vonage",
    codes={
        "sms-1": _LATER,
        "sms-2": _BAD_NUMBER,
        "sms-3": _BAD_NUMBER,
        "sms-4": _CREDENTIALS,
        "sms-6": CarrierError("permanent", "Vonage can't send this text. Word it differently."),
        "sms-7": _BARRED,
        "sms-8": _SETTING,
        "sms-9": _CREDIT,
        "sms-10": _LATER,
        "sms-11": _SETTING,
        "sms-12": _TOO_LONG,
        "sms-14": _CREDENTIALS,
        "sms-15": _SENDER,
        "sms-22": _BAD_NUMBER,
        "sms-23": _SETTING,
        "sms-29": _SETTING,
        "sms-32": _CREDENTIALS,
        "sms-33": _GONE,
        "dlr-1": _UNSAID,
        "dlr-2": _ABSENT,
        "dlr-3": _GONE,
        "dlr-4": _BARRED,
        "dlr-5": CarrierError(
            "permanent", f"The number has moved to another network. {CHECK_NUMBER}"
        ),
        "dlr-6": _SPAM,
        "dlr-7": _ABSENT,
        "dlr-8": _NETWORK,
        "dlr-9": _OPTED_OUT,
        "dlr-99": _UNSAID,
        "1000": _LATER,
        "1050": _BARRED,
        "1100": _NETWORK,
        "1120": _SENDER,
        "1170": _BAD_NUMBER,
        "1180": _ABSENT,
        "1190": _GONE,
        "1210": _SPAM,
        "1220": _ABSENT,
        "1230": _NETWORK,
        "1240": _OPTED_OUT,
        "1250": _BAD_NUMBER,
        "1331": _NETWORK,
    },
)
