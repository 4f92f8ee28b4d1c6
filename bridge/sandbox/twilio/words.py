"""What Twilio and the toll-free network do by themselves about STOP, START and HELP.

Rules from Twilio's help pages: only a message that is nothing but the word counts; a standalone
short code is left to the application; on toll-free numbers the network deals with STOP, START and
UNSTOP; with Advanced Opt-Out the webhook says what was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from bridge.sandbox.twilio.records import NumberKind

WordClass = Literal["STOP", "START", "HELP"]

_WORDS: dict[str, WordClass] = {
    "STOP": "STOP",
    "STOPALL": "STOP",
    "UNSUBSCRIBE": "STOP",
    "CANCEL": "STOP",
    "END": "STOP",
    "QUIT": "STOP",
    "REVOKE": "STOP",
    "OPTOUT": "STOP",
    "START": "START",
    "YES": "START",
    "UNSTOP": "START",
    "HELP": "HELP",
    "INFO": "HELP",
}
_NETWORK_WORDS = {"STOP", "START", "UNSTOP"}

_REPLIES: dict[WordClass, str] = {
    "STOP": "You are unsubscribed and will get no more messages from this number. "
    "Reply START to resubscribe.",
    "START": "You are subscribed again to messages from this number. Reply HELP for help, "
    "STOP to unsubscribe. Msg&Data rates may apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data rates may apply.",
}
_NETWORK_REPLIES: dict[WordClass, str] = {
    "STOP": "NETWORK MSG: You replied with the word STOP, which blocks all texts sent from this "
    "number. Text back UNSTOP to receive messages again.",
    "START": "NETWORK MSG: You have replied UNSTOP and will begin receiving messages again from "
    "this number.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What was done: `reply` goes to the phone (None: silence), `listed` in the message list."""

    word: WordClass
    blocks: bool | None
    reply: str | None
    listed: bool


def handle_word(body: str, *, kind: NumberKind, advanced: bool, is_blocked: bool) -> Handled | None:
    """Decide what the carrier does about a customer's text; None: nothing."""
    if kind == "short_code" and not advanced:
        return None
    bare = body.strip().upper()
    word = _WORDS.get(bare)
    if word is None:
        return None
    by_network = kind == "toll_free" and bare in _NETWORK_WORDS
    if word == "STOP":
        reply = None if is_blocked else _reply(word, by_network=by_network)
        return Handled(word=word, blocks=True, reply=reply, listed=not by_network)
    if word == "START":
        reply = _reply(word, by_network=by_network) if is_blocked else None
        return Handled(word=word, blocks=False, reply=reply, listed=not by_network)
    silent = kind == "toll_free" and is_blocked
    return Handled(word=word, blocks=None, reply=None if silent else _REPLIES[word], listed=True)


def _reply(word: WordClass, *, by_network: bool) -> str:
    return _NETWORK_REPLIES[word] if by_network else _REPLIES[word]
