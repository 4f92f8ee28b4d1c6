"""Twilio's error codes as data: what kind of trouble each is, and what to tell whom.

Twilio says that the codes of a message may change over time, so a code that is not here has a
meaning too: refused, with its number and the page that explains it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Trouble = Literal[
    "account",  # the whole account: credentials, suspension
    "configuration",  # an admin has to change something at Twilio or here
    "later",  # not now
    "opted_out",
    "landline",
    "permanent",
]


@dataclass(frozen=True, slots=True)
class TwilioError:
    """One code: its kind, and words for an agent that end in what to do."""

    trouble: Trouble
    words: str


# On a text to us: it looked machine-written, and Twilio called no webhook for it.
WITHHELD = "30039"

_CHECK_NUMBER = "Check the number with the customer by another channel."
_OTHER_CHANNEL = "Reach the customer by another channel."
_TELL_ADMIN = "Tell your SMS admin."

ERRORS: dict[str, TwilioError] = {
    # --- answers to a send -------------------------------------------------------------------
    "20003": TwilioError(
        "account",
        "Twilio refused the credentials. Check BRIDGE_TWILIO_ACCOUNT_SID and"
        " BRIDGE_TWILIO_AUTH_TOKEN; texts wait until then.",
    ),
    "20005": TwilioError(
        "account", "The Twilio account is not active. Its owner has to settle this with Twilio."
    ),
    "20404": TwilioError(
        "account",
        "Twilio knows no account of this id. Check BRIDGE_TWILIO_ACCOUNT_SID and"
        " BRIDGE_TWILIO_API_URL.",
    ),
    "20429": TwilioError(
        "later", "Twilio takes no more requests at the moment. The text is tried again by itself."
    ),
    "21211": TwilioError(
        "permanent", f"Twilio says that this is not a valid phone number. {_CHECK_NUMBER}"
    ),
    "21212": TwilioError(
        "configuration", f"Twilio says that our own number is not valid as a sender. {_TELL_ADMIN}"
    ),
    "21408": TwilioError(
        "configuration",
        "Texts to the customer's country are switched off in the Twilio account (Messaging geo"
        f" permissions). {_TELL_ADMIN}",
    ),
    "21602": TwilioError("permanent", "The text was empty. Write the reply again with some words."),
    "21604": TwilioError("permanent", f"There was no number to send to. {_CHECK_NUMBER}"),
    "21606": TwilioError(
        "configuration",
        f"Our number does not belong to the Twilio account, or can't send texts. {_TELL_ADMIN}",
    ),
    "21608": TwilioError(
        "configuration",
        "The Twilio account is on trial and may text verified numbers only. Upgrade the account,"
        " or verify the customer's number in Twilio's console.",
    ),
    "21610": TwilioError(
        "opted_out",
        "The customer has opted out of texts from this number (STOP). Nothing can be sent until"
        f" they send START. {_OTHER_CHANNEL}",
    ),
    "21611": TwilioError(
        "later",
        "Our number has more texts waiting at Twilio than it can send in hours. The text is tried"
        " again by itself.",
    ),
    "21612": TwilioError(
        "permanent",
        f"Twilio has no way from our number to this customer's network. {_OTHER_CHANNEL}",
    ),
    "21614": TwilioError(
        "landline", f"This number is not a mobile phone and can't receive texts. {_CHECK_NUMBER}"
    ),
    "21617": TwilioError(
        "permanent", "The text is longer than Twilio takes. Send it again in shorter pieces."
    ),
    "21620": TwilioError(
        "permanent", "Twilio could not use the address of an attachment. Send a link instead."
    ),
    "21635": TwilioError(
        "landline", f"This number is a landline and can't receive texts. {_CHECK_NUMBER}"
    ),
    "21658": TwilioError(
        "permanent",
        "Part of the text is longer than Twilio takes. Send it again in shorter pieces.",
    ),
    # --- what became of a text that was taken ------------------------------------------------
    "30001": TwilioError(
        "later", "The text waited too long at Twilio and was dropped. Send it again."
    ),
    "30002": TwilioError(
        "account",
        "The Twilio account is suspended. Its owner has to settle this with Twilio.",
    ),
    "30003": TwilioError(
        "permanent",
        "The phone could not be reached: switched off, without signal, or unable to receive"
        " texts. Try once more later.",
    ),
    "30004": TwilioError(
        "permanent", f"The text was blocked on its way to this phone. {_OTHER_CHANNEL}"
    ),
    "30005": TwilioError("permanent", f"No phone has this number any more. {_CHECK_NUMBER}"),
    "30006": TwilioError(
        "landline",
        f"This number is a landline, or its network can't be reached by text. {_OTHER_CHANNEL}",
    ),
    "30007": TwilioError(
        "permanent",
        "The network or Twilio filtered the text out as unwanted. Don't send it again as it is:"
        " word it differently, without shortened links, or use another channel.",
    ),
    "30008": TwilioError(
        "permanent",
        "The network did not say why the text failed. Send it again once; if that fails too, use"
        " another channel.",
    ),
    "30019": TwilioError(
        "permanent",
        "The text or its attachment is too large for the customer's network. Shorten it, or send"
        " a link.",
    ),
    "30032": TwilioError(
        "configuration",
        f"Our toll-free number is not verified yet, so networks refuse its texts. {_TELL_ADMIN}",
    ),
    "30034": TwilioError(
        "configuration",
        "Our number is not registered for business texts in the US (A2P 10DLC), so networks"
        f" refuse it. {_TELL_ADMIN}",
    ),
    "30450": TwilioError(
        "permanent",
        "Twilio's protection against message fraud stopped the text. If the customer is real,"
        f" tell your SMS admin to allow the number. {_OTHER_CHANNEL}",
    ),
    "30610": TwilioError(
        "permanent",
        "It is night at the customer's place, and Twilio holds texts back. Send it again during"
        " the day.",
    ),
    "30640": TwilioError(
        "permanent",
        f"Twilio lists this number as one that must not be texted. {_OTHER_CHANNEL}",
    ),
}


def explain(code: str) -> str:
    """The code in words, for an agent: what happened and what to do."""
    known = ERRORS.get(code)
    if known is not None:
        return known.words
    if code.isdecimal():
        return (
            f"Twilio gave error {code}, explained at https://www.twilio.com/docs/errors/{code}."
            f" {_TELL_ADMIN}"
        )
    return f"Twilio refused the text without saying why. {_TELL_ADMIN}"


def trouble_of(code: str) -> Trouble:
    """The kind of trouble; a code nobody knows is permanent: repeating it blindly helps nobody."""
    known = ERRORS.get(code)
    return known.trouble if known is not None else "permanent"
