"""A text as the desk is asked to take it: a comment, or the first of a new ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.desks.contract import CommentDraft, TicketDraft, TicketId, UserId
from bridge.domain.directory import Sender
from bridge.domain.numbers import display, pretty
from bridge.store.messages import Message
from bridge.ticketing.merges import TAGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """In whose name a text is written: the customer's, or (None) the bridge's own, as a note."""

    requester_id: UserId | None
    body: str
    uploads: tuple[str, ...] = ()

    def comment(self, texts: Sequence[Message], *, reopen: bool) -> CommentDraft:
        """The comment that holds these texts; it bears the mark of the first."""
        return CommentDraft(
            body=self.body,
            mark=texts[0].id,
            covers=tuple(text.id for text in texts[1:]),
            public=self.requester_id is not None,
            author_id=self.requester_id,
            reopen=reopen,
            uploads=self.uploads,
        )


def draft_ticket(
    texts: Sequence[Message],
    sender: Sender | None,
    voice: Voice,
    follow_up_of: TicketId | None = None,
) -> TicketDraft:
    """The ticket that these texts open, with what the settings say of the number texted."""
    message = texts[0]
    to = display(message.sender) if sender is None else sender.name or display(message.sender)
    return TicketDraft(
        key=message.id,
        subject=f"Text from {pretty(message.customer)} to {to}",
        requester_id=voice.requester_id,
        first=voice.comment(texts, reopen=False),
        tags=(*TAGS, *(sender.tags if sender is not None else ())),
        number=display(message.sender),
        follow_up_of=follow_up_of,
        brand_id=None if sender is None else sender.brand_id,
        group_id=None if sender is None else sender.group_id,
        ticket_form_id=None if sender is None else sender.ticket_form_id,
    )
