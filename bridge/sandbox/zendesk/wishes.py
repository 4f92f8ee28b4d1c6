"""What a caller wants of a ticket, read out of the request's JSON and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.sandbox.zendesk.answers import bad_attribute, integer, invalid
from bridge.sandbox.zendesk.markup import html_to_text, text_to_html, wrap
from bridge.sandbox.zendesk.records import PRIORITIES, STATUSES, TYPES, Json, User

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.state import Account

LARGEST_COMMENT = 65_535  # bytes; what is above is cut without a word
LONGEST_SUBJECT = 2_000

KNOWN_ON_BOTH = {
    "additional_collaborators",
    "assignee_email",
    "assignee_id",
    "brand_id",
    "collaborator_ids",
    "collaborators",
    "comment",
    "custom_fields",
    "custom_status_id",
    "due_at",
    "email_ccs",
    "external_id",
    "fields",
    "followers",
    "group_id",
    "metadata",
    "organization_id",
    "priority",
    "problem_id",
    "raw_subject",
    "requester",
    "requester_id",
    "sharing_agreement_ids",
    "status",
    "subject",
    "submitter_id",
    "tags",
    "ticket_form_id",
    "type",
}
KNOWN_ON_CREATE = KNOWN_ON_BOTH | {
    "created_at",
    "description",
    "macro_id",
    "macro_ids",
    "recipient",
    "via",
    "via_followup_source_id",
    "via_id",
}
# `description` is taken without a word and ignored on update.
KNOWN_ON_UPDATE = KNOWN_ON_BOTH | {"safe_update", "updated_stamp", "description", "is_public"}


@dataclass(slots=True, kw_only=True)
class CommentWish:
    """A comment to write, in all its forms."""

    body: str
    html_body: str
    plain_body: str
    public: bool | None = None
    author_id: int | None = None
    uploads: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Wish:
    """Fields to set (by their names in the API), a comment, and custom metadata."""

    fields: dict[str, Any] = field(default_factory=dict)
    comment: CommentWish | None = None
    custom: Json = field(default_factory=dict)
    requester: User | None = None
    followup_of: int | None = None


def read_wish(account: Account, given: Json) -> Wish:
    """Read the ticket object of a create or update. Raises ZendeskRefusal 400 or 422."""
    wish = Wish()
    _read_texts(given, wish)
    _read_choices(given, wish)
    for name in ("assignee_id", "group_id", "brand_id", "ticket_form_id", "submitter_id"):
        if name in given:
            wish.fields[name] = _reference(account, given[name], name)
    if "tags" in given:
        wish.fields["tags"] = read_tags(given["tags"])
    if "custom_fields" in given or "fields" in given:
        shown = given.get("custom_fields", given.get("fields"))
        wish.fields["custom_fields"] = _read_custom_fields(account, shown)
    if "requester_id" in given:
        wish.requester = _author(account, given["requester_id"], "requester")
    metadata = given.get("metadata", {})
    if not isinstance(metadata, dict):
        raise bad_attribute("metadata", "an object")
    wish.custom = metadata
    if given.get("comment") is not None:
        wish.comment = read_comment(account, given["comment"])
    return wish


def read_comment(account: Account, given: object) -> CommentWish:
    """Read a comment object; a bare text counts as its body."""
    if isinstance(given, str):
        given = {"body": given}
    if not isinstance(given, dict):
        raise bad_attribute("comment", "an object")
    uploads = given.get("uploads", [])
    if isinstance(uploads, str):
        uploads = [uploads]
    if not isinstance(uploads, list):
        raise bad_attribute("comment.uploads", "an array")
    public = given.get("public")
    if public is not None and not isinstance(public, bool):
        raise bad_attribute("comment.public", "a boolean")
    body, html = given.get("body"), given.get("html_body")
    if not str(html or body or "").strip() and not uploads:
        raise invalid("base", "Description: cannot be blank", "BlankValue")
    author_id = None
    if given.get("author_id") is not None:
        author_id = _author(account, given["author_id"], "author").id
    written = make_comment_wish(body=str(body or ""), html=None if html is None else str(html))
    written.public, written.author_id = public, author_id
    written.uploads = [str(token) for token in uploads]
    return written


def make_comment_wish(*, body: str = "", html: str | None = None) -> CommentWish:
    """Make a comment out of plain text, or of HTML, which wins."""
    if html is not None:
        text = html_to_text(html)
        return CommentWish(body=text, html_body=wrap(html), plain_body=text)
    text = body.encode()[:LARGEST_COMMENT].decode(errors="ignore")
    return CommentWish(body=text, html_body=text_to_html(text), plain_body=text)


def read_tags(given: object) -> list[str]:
    """Read tags: a list, or a text with spaces between; stored in lower case."""
    parts = given.split() if isinstance(given, str) else given
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise bad_attribute("tags", "an array of strings")
    flat = [tag.lower() for part in parts for tag in part.split()]
    return list(dict.fromkeys(flat))


def _read_texts(given: Json, wish: Wish) -> None:
    for name in ("subject", "external_id"):
        if name in given:
            wish.fields[name] = None if given[name] is None else str(given[name])
    if "raw_subject" in given:
        wish.fields["subject"] = str(given["raw_subject"])
    if len(wish.fields.get("subject") or "") > LONGEST_SUBJECT:
        raise invalid("subject", "Subject: is too long", "ValueTooLong")


def _read_choices(given: Json, wish: Wish) -> None:
    for name, choices in (("status", STATUSES), ("priority", PRIORITIES), ("type", TYPES)):
        if name not in given:
            continue
        value = given[name]
        if value is None and name != "status":
            wish.fields[name] = None
            continue
        if value not in choices:
            raise invalid(name, f"{name.capitalize()}: {value} is not included in the list")
        wish.fields[name] = value


def _reference(account: Account, value: object, name: str) -> int | None:
    if value is None:
        return None
    number = integer(value, name)
    tables: dict[str, Any] = {
        "assignee_id": account.users,
        "submitter_id": account.users,
        "group_id": account.resources["groups"],
        "brand_id": account.resources["brands"],
        "ticket_form_id": account.resources["ticket_forms"],
    }
    label = name.removesuffix("_id")
    if number not in tables[name]:
        raise invalid(label, f"{label.capitalize()}: {number} is not valid", "InvalidValue")
    if name == "assignee_id" and not account.users[number].is_staff:
        raise invalid("assignee", "Assignee: must be an agent", "InvalidValue")
    return number


def _author(account: Account, value: object, label: str) -> User:
    user = account.users.get(integer(value, f"{label}_id"))
    if user is None or not user.active:
        raise invalid(label, f"{label.capitalize()}: is invalid", "InvalidValue")
    if user.suspended:
        raise suspended(user)
    return user


def suspended(user: User) -> Exception:
    """422: nothing is taken in this user's name."""
    return invalid("requester", f"Requester: {user.name} is suspended.", "UserSuspended")


def _read_custom_fields(account: Account, given: object) -> dict[int, object]:
    if isinstance(given, dict):
        given = [{"id": key, "value": value} for key, value in given.items()]
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise bad_attribute("custom_fields", "an array of objects")
    known = account.resources["ticket_fields"]
    found = {integer(one.get("id"), "custom_fields.id"): one.get("value") for one in given}
    return {key: value for key, value in found.items() if key in known}
