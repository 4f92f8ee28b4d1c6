"""Twilio's error codes as data: what kind of trouble each is, and what to tell whom.

Twilio says that the codes of a message may change over time, so a code that is not here has a
meaning too: refused, with its number and the page that explains it.
"""

from __future__ import annotations

from bridge.carriers.errors import (
    CHECK_NUMBER,
    OTHER_CHANNEL,
    TELL_ADMIN,
    CarrierError,
    ErrorTable,
)

# On a text to us: it looked machine-written, and Twilio called no webhook for it.
WITHHELD = "30039"

ERRORS: dict[str, CarrierError] = {
    # --- answers to a send -------------------------------------------------------------------
    "20003": CarrierError(
        "account",
        "Twilio refused the credentials. Check BRIDGE_TWILIO_ACCOUNT_SID and"
        " BRIDGE_TWILIO_AUTH_TOKEN; texts wait until then.",
    ),
    "20005": CarrierError(
        "account", "The Twilio account is not active. Its owner has to settle this with Twilio."
    ),
    "20404": CarrierError(
        "account",
        "Twilio knows no account of this id. Check BRIDGE_TWILIO_ACCOUNT_SID and"
        " BRIDGE_TWILIO_API_URL.",
    ),
    "20429": CarrierError(
        "later", "Twilio takes no more requests at the moment. The text is tried again by itself."
    ),
    "21211": CarrierError(
        "permanent", f"Twilio says that this is not a valid phone number. {CHECK_NUMBER}"
    ),
    "21212": CarrierError(
        "configuration", f"Twilio says that our own number is not valid as a sender. {TELL_ADMIN}"
    ),
    "21408": CarrierError(
        "configuration",
        "Texts to the customer's country are switched off in the Twilio account (Messaging geo"
        f" permissions). {TELL_ADMIN}",
    ),
    "21602": CarrierError(
        "permanent", "The text was empty. Write the reply again with some words."
    ),
    "21604": CarrierError("permanent", f"There was no number to send to. {CHECK_NUMBER}"),
    "21606": CarrierError(
        "configuration",
        f"Our number does not belong to the Twilio account, or can't send texts. {TELL_ADMIN}",
    ),
    "21608": CarrierError(
        "configuration",
        "The Twilio account is on trial and may text verified numbers only. Upgrade the account,"
        " or verify the customer's number in Twilio's console.",
    ),
    "21610": CarrierError(
        "opted_out",
        "The customer has opted out of texts from this number (STOP). Nothing can be sent until"
        f" they send START. {OTHER_CHANNEL}",
    ),
    "21611": CarrierError(
        "later",
        "Our number has more texts waiting at Twilio than it can send in hours. The text is tried"
        " again by itself.",
    ),
    "21612": CarrierError(
        "permanent",
        f"Twilio has no way from our number to this customer's network. {OTHER_CHANNEL}",
    ),
    "21614": CarrierError(
        "landline", f"This number is not a mobile phone and can't receive texts. {CHECK_NUMBER}"
    ),
    "21617": CarrierError(
        "permanent", "The text is longer than Twilio takes. Send it again in shorter pieces."
    ),
    "21620": CarrierError(
        "permanent", "Twilio could not use the address of an attachment. Send a link instead."
    ),
    "21635": CarrierError(
        "landline", f"This number is a landline and can't receive texts. {CHECK_NUMBER}"
    ),
    "21658": CarrierError(
        "permanent",
        "Part of the text is longer than Twilio takes. Send it again in shorter pieces.",
    ),
    # --- what became of a text that was taken ------------------------------------------------
    "30001": CarrierError(
        "later", "The text waited too long at Twilio and was dropped. Send it again."
    ),
    "30002": CarrierError(
        "account",
        "The Twilio account is suspended. Its owner has to settle this with Twilio.",
    ),
    "30003": CarrierError(
        "permanent",
        "The phone could not be reached: switched off, without signal, or unable to receive"
        " texts. Try once more later.",
    ),
    "30004": CarrierError(
        "permanent", f"The text was blocked on its way to this phone. {OTHER_CHANNEL}"
    ),
    "30005": CarrierError("permanent", f"No phone has this number any more. {CHECK_NUMBER}"),
    "30006": CarrierError(
        "landline",
        f"This number is a landline, or its network can't be reached by text. {OTHER_CHANNEL}",
    ),
    "30007": CarrierError(
        "permanent",
        "The network or Twilio filtered the text out as unwanted. Don't send it again as it is:"
        " word it differently, without shortened links, or use another channel.",
    ),
    "30008": CarrierError(
        "permanent",
        "The network did not say why the text failed. Send it again once; if that fails too, use"
        " another channel.",
    ),
    "30019": CarrierError(
        "permanent",
        "The text or its attachment is too large for the customer's network. Shorten it, or send"
        " a link.",
    ),
    "30032": CarrierError(
        "configuration",
        f"Our toll-free number is not verified yet, so networks refuse its texts. {TELL_ADMIN}",
    ),
    "30034": CarrierError(
        "configuration",
        "Our number is not registered for business texts in the US (A2P 10DLC), so networks"
        f" refuse it. {TELL_ADMIN}",
    ),
    "30450": CarrierError(
        "permanent",
        "Twilio's protection against message fraud stopped the text. If the customer is real,"
        f" tell your SMS admin to allow the number. {OTHER_CHANNEL}",
    ),
    "30610": CarrierError(
        "permanent",
        "It is night at the customer's place, and Twilio holds texts back. Send it again during"
        " the day.",
    ),
    "30640": CarrierError(
        "permanent",
        f"Twilio lists this number as one that must not be texted. {OTHER_CHANNEL}",
    ),
}

TABLE = ErrorTable(
    carrier="twilio",
    title="Twilio",
    codes=ERRORS,
    page="https://www.twilio.com/docs/errors/{}",
)
