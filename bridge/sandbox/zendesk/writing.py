"""Every change of a ticket goes through here: audit, native rules, triggers, webhooks, ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox.zendesk.answers import invalid
from bridge.sandbox.zendesk.happenings import Happening
from bridge.sandbox.zendesk.records import Audit, Comment, Json, Ticket, User, via_json
from bridge.sandbox.zendesk.wishes import CommentWish, Wish, suspended

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.sandbox.zendesk.records import Attachment, Source
    from bridge.sandbox.zendesk.state import Account

CHANGEABLE_WHEN_CLOSED = {"tags", "subject", "priority"}
REOPENED_BY_CUSTOMER = {"pending", "hold", "solved"}


class TicketWriter:
    """Applies wishes. `react` is called once per change, after the ticket stands as wished."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.react: Callable[[Happening], None] = lambda _happening: None

    def create(self, wish: Wish, *, updater: User, source: Source = "api") -> tuple[Ticket, Audit]:
        """Create a ticket. Raises ZendeskRefusal 422."""
        account, now = self.account, self.account.now_ms()
        comment, requester = wish.comment, wish.requester or updater
        if comment is None:
            raise invalid("base", "Description: cannot be blank", "BlankValue")
        if requester.suspended:
            raise suspended(requester)
        parent = self._closed_parent(wish)
        if parent is not None and "tags" not in wish.fields:
            wish.fields["tags"] = list(parent.tags)
        ticket = Ticket(
            id=account.new_ticket_id(),
            subject=wish.fields.pop("subject", None) or comment.plain_body[:150],
            requester_id=requester.id,
            submitter_id=wish.fields.pop("submitter_id", None) or updater.id,
            status="new",
            created_ms=now,
            updated_ms=now,
            generated_ms=now,
            via=_follow_up_via(parent) if parent is not None else via_json(source),
            brand_id=next(iter(account.resources["brands"])),
            ticket_form_id=next(iter(account.resources["ticket_forms"])),
            organization_id=requester.organization_id,
            is_public=comment.public is not False,
        )
        audit = self._audit(ticket, updater, source, wish.custom)
        if comment.author_id is None:
            comment.author_id = ticket.submitter_id
        uploads = self._take_uploads(comment.uploads)
        self._comment(ticket, audit, comment, uploads, source)
        wanted = {"status": "new", "tags": [], **wish.fields}
        for name, value in wanted.items():
            self._put(ticket, audit, name, value, event="Create")
        if ticket.status == "new" and ticket.assignee_id is not None:
            ticket.status = "open"
        account.tickets[ticket.id] = ticket
        if parent is not None:
            parent.followup_ids.append(ticket.id)
        self._done(ticket, audit, updater, source, {}, created=True)
        return ticket, audit

    def update(
        self, ticket: Ticket, wish: Wish, *, updater: User, source: Source = "api"
    ) -> Audit | None:
        """Change a ticket; None when nothing changed. Raises ZendeskRefusal 422."""
        self._check(ticket, wish, source)
        uploads = self._take_uploads(wish.comment.uploads if wish.comment else [])
        audit = self._audit(ticket, updater, source, wish.custom)
        before: dict[str, Any] = {}
        if wish.requester is not None:
            wish.fields["requester_id"] = wish.requester.id
        if (
            wish.comment is not None
            and not updater.is_staff
            and "status" not in wish.fields
            and ticket.status in REOPENED_BY_CUSTOMER
        ):
            wish.fields["status"] = "open"
        if wish.fields.get("assignee_id") and wish.fields.get("status", ticket.status) == "new":
            wish.fields["status"] = "open"
        for name, value in wish.fields.items():
            self._put(ticket, audit, name, value, before=before)
        if wish.comment is not None:
            self._comment(ticket, audit, wish.comment, uploads, source)
        if audit.comment is None and not audit.changes:
            return None
        now = self.account.now_ms()
        ticket.updated_ms = ticket.generated_ms = now
        self._done(ticket, audit, updater, source, before, created=False)
        return audit

    def change_by_rule(self, happening: Happening, name: str, value: object, title: str) -> None:
        """Let a trigger or automation set a field, inside the audit that set it off."""
        ticket = happening.ticket
        audit = ticket.audits[-1]
        count = len(audit.changes)
        self._put(ticket, audit, name, value, before=happening.before)
        for change in audit.changes[count:]:
            change["via"] = via_json("rule", {"title": title}, "trigger")

    def _check(self, ticket: Ticket, wish: Wish, source: Source) -> None:
        fields = set(wish.fields) | ({"comment"} if wish.comment else set())
        if wish.requester is not None:
            fields.add("requester_id")
        if ticket.status == "closed" and fields - CHANGEABLE_WHEN_CLOSED:
            raise invalid("status", "Status: closed prevents ticket update", "ClosedTicket")
        if source == "merge":
            return
        status = wish.fields.get("status")
        if status == "new" and ticket.status != "new":
            raise invalid("status", "Status: cannot be changed back to new", "InvalidValue")
        assignee = wish.fields.get("assignee_id", ticket.assignee_id)
        if status == "solved" and assignee is None:
            raise invalid("assignee", "Assignee: is required when solving a ticket", "BlankValue")
        if wish.comment is not None and len(ticket.comments) >= self.account.most_comments:
            most = self.account.most_comments
            raise invalid(
                "base", f"Ticket has reached its limit of {most} comments", "TooManyValues"
            )

    def _closed_parent(self, wish: Wish) -> Ticket | None:
        # The id of a ticket that is not closed has no effect.
        parent = self.account.tickets.get(wish.followup_of or 0)
        if parent is None or parent.deleted or parent.status != "closed":
            return None
        return parent

    def _audit(self, ticket: Ticket, updater: User, source: Source, custom: Json) -> Audit:
        return Audit(
            id=self.account.new_id(),
            ticket_id=ticket.id,
            author_id=updater.id,
            created_ms=self.account.now_ms(),
            via=via_json(source if source != "merge" else self.account.merge_channel),
            custom=custom,
        )

    def _take_uploads(self, tokens: list[str]) -> list[Attachment]:
        account, found = self.account, []
        for token in tokens:
            made = account.upload_made_ms.get(token, 0)
            if account.now_ms() - made > account.upload_life_s * 1000:
                account.uploads.pop(token, None)
            if token not in account.uploads:
                raise invalid("uploads", "Uploads: token is invalid or has expired")
            found.extend(account.uploads[token])
        for token in tokens:
            account.uploads.pop(token, None)
        return found

    def _comment(
        self,
        ticket: Ticket,
        audit: Audit,
        wish: CommentWish,
        attachments: list[Attachment],
        source: Source,
    ) -> None:
        public = ticket.is_public if wish.public is None else wish.public
        comment = Comment(
            id=self.account.new_id(),
            ticket_id=ticket.id,
            audit_id=audit.id,
            author_id=wish.author_id or audit.author_id,
            public=public,
            body=wish.body,
            html_body=wish.html_body,
            plain_body=wish.plain_body,
            created_ms=self.account.now_ms(),
            via=self._comment_via(audit, source),
            custom=audit.custom,
            attachments=attachments,
        )
        audit.comment = comment
        ticket.comments.append(comment)
        ticket.is_public = ticket.is_public or public

    def _comment_via(self, audit: Audit, source: Source) -> Json:
        if source != "merge" or not self.account.merge_says_so:
            return audit.via
        return {**audit.via, "source": _merge_source()}

    def _put(
        self,
        ticket: Ticket,
        audit: Audit,
        name: str,
        value: Any,  # noqa: ANN401 - the value of any field
        *,
        event: str = "Change",
        before: dict[str, Any] | None = None,
    ) -> None:
        if name == "custom_fields":
            for key, content in value.items():
                self._put_custom(ticket, audit, key, content, event=event, before=before)
            return
        if name == "tags":
            value = sorted(value)
        old = sorted(ticket.tags) if name == "tags" else getattr(ticket, name)
        if old == value and event == "Change":
            return
        if before is not None:
            before.setdefault(name, old)
        setattr(ticket, name, value)
        if name == "status":
            ticket.solved_ms = self.account.now_ms() if value == "solved" else None
        audit.changes.append(self._event(event, name, value, old))

    def _put_custom(
        self,
        ticket: Ticket,
        audit: Audit,
        key: int,
        value: object,
        *,
        event: str,
        before: dict[str, Any] | None,
    ) -> None:
        old = ticket.custom_fields.get(key)
        if old == value:
            return
        if before is not None:
            before.setdefault(f"custom_fields_{key}", old)
        ticket.custom_fields[key] = value
        audit.changes.append(self._event(event, str(key), value, old))

    def _event(self, event: str, name: str, value: object, old: object) -> Json:
        written: Json = {
            "id": self.account.new_id(),
            "type": event,
            "field_name": name,
            "value": _event_value(value),
        }
        if event == "Change":
            written["previous_value"] = _event_value(old)
        return written

    def _done(
        self,
        ticket: Ticket,
        audit: Audit,
        updater: User,
        source: Source,
        before: dict[str, Any],
        *,
        created: bool,
    ) -> None:
        ticket.audits.append(audit)
        comment = audit.comment
        kind = "ticket" if created else ("comment" if comment is not None else "update")
        self.account.wrote(
            kind,
            source,
            ticket_id=ticket.id,
            comment_id=None if comment is None else comment.id,
            user_id=updater.id,
            public=None if comment is None else comment.public,
            custom=dict(audit.custom),
            fields=tuple(str(change["field_name"]) for change in audit.changes),
        )
        self.react(
            Happening(
                ticket=ticket,
                updater=updater,
                channel=source,
                created=created,
                comment=comment,
                before=before,
            )
        )


def _follow_up_via(parent: Ticket) -> Json:
    source = {"ticket_id": parent.id, "subject": parent.subject, "channel": "api"}
    return via_json("api", source, "follow_up")


def _merge_source() -> Json:
    return {"from": {}, "to": {}, "rel": "merge"}


def _event_value(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
