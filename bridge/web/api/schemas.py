"""The shapes of /api/v1, as in the document. What comes in is checked here, to the last field.

Strings of answers have their limits in the document only: what is stored is shown, whatever it is.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

LONGEST_TEXT = 10_000  # characters; split into texts of the carrier's length when it is sent
LONGEST_NUMBER = 40
LONGEST_CURSOR = 200
LONGEST_ANSWER = 1024 * 1024

State = Literal[
    "received",
    "waiting",
    "working",
    "done",
    "failed",
    "queued",
    "sending",
    "sent",
    "delivered",
    "undelivered",
    "refused",
    "uncertain",
]
Verdict = Literal["ticket", "opt_out", "opt_in", "keyword", "not_consented", "no_sender", "loop"]
Kind = Literal["text", "reply", "auto", "opt_out_answer", "conversation", "campaign"]
WorkKind = Literal["text", "note", "look", "send", "sweep"]

Word = Annotated[str, WithJsonSchema({"type": "string", "maxLength": 255})]
Words = Annotated[str, WithJsonSchema({"type": "string", "maxLength": LONGEST_ANSWER})]
Time = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "maxLength": 32,
            "examples": ["2026-01-02T03:04:05.678Z"],
        }
    ),
]
Number = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": 255,
            "description": "E.164, or a short code, or the name that a text came from",
            "examples": ["+12025550100", "50500"],
        }
    ),
]


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    if not text.strip():
        raise ValueError("must not be empty")
    return text


Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(_storable)]
NumberGiven = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_NUMBER,
        description='E.164, or a short code such as "50500", with its country as "US:50500"',
    ),
]
Cursor = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_CURSOR, description='the "next" of the page before'),
]
Limit = Annotated[int, Field(ge=1, le=500, description="how many at most")]


class Given(BaseModel):
    """What a caller gives: nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shown(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True)


class Paged(Given):
    """Which page."""

    limit: Limit = 50
    cursor: Cursor | None = None


class MessageQuery(Paged):
    """Which messages."""

    customer: NumberGiven | None = None
    sender: NumberGiven | None = None
    state: State | None = None


class ConversationQuery(Paged):
    """Which conversations."""

    customer: NumberGiven | None = None


class FailedQuery(Paged):
    """Which failed work."""


class MessageOrder(Given):
    """A text to send, or to record where another system has sent it (`send` false)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    sender: NumberGiven
    customer: NumberGiven
    body: Text
    kind: Literal["conversation", "campaign"] = "conversation"
    send: bool = True
    idempotency_key: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=255,
                pattern=r"^[\x21-\x7e]+$",
                description="the same key again is the same message: it is answered, not repeated",
            ),
        ]
        | None
    ) = None


class MediaView(Shown):
    """A picture or file, and where the carrier keeps it, or the desk what an agent attached.

    Of that: its name, how it was sent, and why it did not go along with the text.
    """

    url: Words
    content_type: Word
    name: Words | None = None
    sent_as: Literal["waiting", "mms", "link", "nothing"] | None = None
    why: Words | None = None


class PartView(Shown):
    """One of the texts that a message was sent as."""

    carrier_id: Word | None
    state: State
    segments: int


class MessageView(Shown):
    """A text, either way. `error` is the far side's code, `reason` the same in words.

    `recovered` is true where no webhook told of it, and a sweep found it.
    """

    id: Word
    direction: Literal["inbound", "outbound"]
    kind: Kind
    sender: Number
    customer: Number
    body: Words
    media: list[MediaView]
    verdict: Verdict | None
    state: State
    ticket_id: int | None
    comment_id: int | None
    carrier: Word
    carrier_id: Word | None
    segments: int | None
    parts: list[PartView]
    error: Word | None
    reason: Words | None
    recovered: bool
    created_at: Time


class AttemptView(Shown):
    """One try: done, later, refused, unknown (the outcome), crashed or fault."""

    work_id: Word
    kind: WorkKind
    outcome: Word
    words: Words
    at: Time
    took_ms: int


class WorkView(Shown):
    """What is still to be done for a message, or failed."""

    id: Word
    kind: WorkKind
    state: Literal["waiting", "failed"]
    attempts: int
    reason: Words | None
    due_at: Time


class MessageTrace(MessageView):
    """A message and all that was decided and tried: the answer to "why?"."""

    why: Words | None
    rule: Words | None
    handled: Literal["STOP", "START", "HELP"] | None
    cause_id: Word | None
    sent_at: Time | None
    updated_at: Time
    attempts: list[AttemptView]
    work: list[WorkView]


class MessagePage(Shown):
    """Messages, newest first."""

    messages: list[MessageView]
    next: Word | None


class FailedView(Shown):
    """Failed work. `id` is what retry and drop go by."""

    id: Word
    kind: WorkKind
    message_id: Word | None
    ticket_id: int | None
    reason: Words | None
    attempts: int
    since: Time


class FailedPage(Shown):
    """Failed work, newest first."""

    failed: list[FailedView]
    next: Word | None


class Revived(Shown):
    """Work that will be tried again at once."""

    id: Word
    state: Literal["waiting"]


class ConversationView(Shown):
    """One pair of a number of ours and a customer's, and its linked ticket."""

    id: Word
    sender: Number
    customer: Number
    ticket_id: int | None
    last_inbound_at: Time | None
    last_outbound_at: Time | None
    created_at: Time


class ConversationPage(Shown):
    """Conversations, newest first."""

    conversations: list[ConversationView]
    next: Word | None


class MembershipView(Shown):
    """How a contact stands to a list."""

    list: Word
    state: Literal["subscribed", "pending", "unsubscribed"]
    since: Time


class ConsentView(Shown):
    """One entry of the consent ledger."""

    action: Literal["opt_out", "opt_in", "subscribe", "unsubscribe", "asked_to_confirm"]
    sender: Number | None
    list: Word | None
    how: Literal["text", "carrier", "agent", "admin", "api"]
    words: Words | None
    rule: Words | None
    message_id: Word | None
    at: Time


class ContactView(Shown):
    """A customer's phone and what we know of it; the ledger newest first."""

    number: Number
    name: Words | None
    email: Words | None
    requester_id: int | None
    opted_out_at: Time | None
    opted_in_at: Time | None
    landline_at: Time | None
    tags: list[Word]
    fields: dict[str, Word]
    stop_wish: Word | None
    created_at: Time
    lists: list[MembershipView]
    consent: list[ConsentView]
    conversations: list[ConversationView]


class Problem(Shown):
    """RFC 9457 problem details. `field` and `expected` come with 400, `request_id` with 500."""

    type: Word
    title: Word
    status: int
    detail: Words | None = None
    field: Word | None = None
    expected: Words | None = None
    request_id: Word | None = None
