"""Users as records: making, finding and changing them, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox.zendesk.answers import bad_attribute, integer, invalid
from bridge.sandbox.zendesk.records import Email, Json, User

if TYPE_CHECKING:
    from bridge.sandbox.zendesk.records import Source
    from bridge.sandbox.zendesk.state import Account

ROLES = {"end-user", "agent", "admin"}
LONGEST_NAME = 255
_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str, int),
    "email": (str,),
    "phone": (str, int),
    "external_id": (str, int),
    "role": (str,),
    "notes": (str,),
    "details": (str,),
    "locale": (str,),
    "time_zone": (str,),
    "suspended": (bool,),
    "verified": (bool,),
    "tags": (list,),
    "user_fields": (dict,),
    "organization_id": (int,),
}
_PLAIN = ("name", "notes", "details", "suspended", "tags", "locale", "time_zone", "verified")


class People:
    """Rules about users: what identifies them, what may stand twice, what is refused."""

    def __init__(self, account: Account) -> None:
        self.account = account

    def create(self, given: Json, *, source: Source = "api") -> User:
        """Create a user. Raises ZendeskRefusal 422."""
        account, now = self.account, self.account.now_ms()
        self._check(given, None)
        if not str(given.get("name") or "").strip():
            raise invalid("name", "Name: cannot be blank", "BlankValue")
        user = User(
            id=account.new_id(),
            name=str(given["name"]),
            role=given.get("role") or "end-user",
            created_ms=now,
            updated_ms=now,
        )
        account.users[user.id] = user
        email = given.get("email")
        if email:
            user.email, user.verified = str(email), bool(given.get("verified"))
            identity = account.new_identity(
                "email", str(email), primary=True, verified=user.verified
            )
            user.identities.append(identity)
            if not given.get("skip_verify_email"):
                self._welcome(user)
        self._apply(user, given)
        account.wrote("user", source, user_id=user.id, fields=tuple(given))
        return user

    def update(self, user: User, given: Json, *, source: Source = "api") -> User:
        """Change a user. A new e-mail address is added as a further one; it does not replace.
        Raises ZendeskRefusal 422."""
        self._check(given, user)
        email = given.get("email")
        if email and all(one.value.lower() != str(email).lower() for one in user.identities):
            is_first = user.email is None
            identity = self.account.new_identity(
                "email", str(email), primary=is_first, verified=bool(given.get("verified"))
            )
            user.identities.append(identity)
            user.email = user.email or str(email)
            if not given.get("skip_verify_email"):
                self._welcome(user)
        if given.get("role") is not None:
            user.role = given["role"]
        self._apply(user, given)
        user.updated_ms = self.account.now_ms()
        self.account.wrote("user", source, user_id=user.id, fields=tuple(given))
        return user

    def upsert(self, given: Json) -> tuple[User, bool]:
        """Create, or update the one with this id, e-mail or external id: never by phone.
        Returns the user and whether it is new. Raises ZendeskRefusal 422."""
        found = [
            user
            for user in (
                self.account.users.get(integer(given["id"], "id")) if "id" in given else None,
                self.by_external_id(given.get("external_id")),
                self.by_email(given.get("email")),
            )
            if user is not None and user.active
        ]
        if not found:
            return self.create(given), True
        if len({user.id for user in found}) > 1:
            email = given.get("email")
            raise invalid(
                "email", f"Email: {email} is already being used by another user", "DuplicateValue"
            )
        return self.update(found[0], given), False

    def from_ticket(self, given: object) -> User:
        """Read the `requester` of a ticket: an id, an e-mail address or an object."""
        if isinstance(given, int) and given in self.account.users:
            return self.account.users[given]
        if isinstance(given, str):
            given = {"email": given, "name": given}
        if not isinstance(given, dict):
            raise bad_attribute("requester", "an object")
        known = self.by_email(given.get("email"))
        if known is not None:
            return known
        # The object has no phone: what else stands in it is dropped.
        if not isinstance(given.get("email"), str):
            raise invalid("requester", "Requester: Email: cannot be blank", "BlankValue")
        kept = {key: given[key] for key in ("name", "email", "role", "verified") if key in given}
        kept.setdefault("name", kept.get("email"))
        return self.create(kept)

    def by_external_id(self, external_id: object) -> User | None:
        """The user with this external id; letter case does not count."""
        if external_id is None:
            return None
        wanted = str(external_id).lower()
        for user in self.account.users.values():
            if user.active and (user.external_id or "").lower() == wanted:
                return user
        return None

    def by_email(self, email: object) -> User | None:
        """The user with this e-mail address among their identities."""
        if not email:
            return None
        wanted = str(email).lower()
        for user in self.account.users.values():
            for identity in user.identities:
                if user.active and identity.type == "email" and identity.value.lower() == wanted:
                    return user
        return None

    def delete(self, user: User) -> None:
        """Delete softly: the record stays, inactive, without its identities."""
        user.active = False
        user.identities.clear()
        user.phone = user.email = user.external_id = None
        user.updated_ms = self.account.now_ms()
        self.account.wrote("delete_user", "api", user_id=user.id)

    def merge(self, loser: User, winner: User) -> None:
        """Give everything of one user to another; the winner's external id stays."""
        for ticket in self.account.tickets.values():
            if ticket.requester_id == loser.id:
                ticket.requester_id = winner.id
            for comment in ticket.comments:
                if comment.author_id == loser.id:
                    comment.author_id = winner.id
        for identity in loser.identities:
            identity.primary = False
            winner.identities.append(identity)
        winner.email = winner.email or loser.email
        winner.phone = winner.phone or loser.phone
        winner.updated_ms = self.account.now_ms()
        loser.identities = []
        self.delete(loser)

    def _apply(self, user: User, given: Json) -> None:
        for name in _PLAIN:
            if given.get(name) is not None:
                value = given[name]
                setattr(user, name, str(value) if name == "name" else value)
        if "external_id" in given:
            value = given["external_id"]
            user.external_id = None if value is None else str(value)
        if "organization_id" in given:
            user.organization_id = given["organization_id"]
        known = {field["key"] for field in self.account.resources["user_fields"].values()}
        for key, value in (given.get("user_fields") or {}).items():
            if key in known:
                user.user_fields[key] = value
        if "phone" in given:
            self._set_phone(user, given["phone"], given.get("shared_phone_number"))

    def _set_phone(self, user: User, value: object, shared: object) -> None:
        # A number nobody else has becomes a direct line, which is an identity; one that somebody
        # has is shared, which is none.
        user.identities = [one for one in user.identities if one.type != "phone_number"]
        user.phone = str(value) if value else None
        if user.phone is None:
            user.shared_phone = None
            return
        taken = any(
            identity.type == "phone_number" and identity.value == user.phone
            for other in self.account.users.values()
            for identity in other.identities
        )
        user.shared_phone = bool(shared) or taken
        if not user.shared_phone:
            identity = self.account.new_identity(
                "phone_number", user.phone, primary=False, verified=True
            )
            user.identities.append(identity)

    def _check(self, given: Json, user: User | None) -> None:
        for key, types in _TYPES.items():
            if given.get(key) is not None and not isinstance(given[key], types):
                raise bad_attribute(f"user.{key}", f"a {types[0].__name__}")
        name = given.get("name")
        if user is not None and "name" in given and not str(name or "").strip():
            raise invalid("name", "Name: cannot be blank", "BlankValue")
        if len(str(name or "")) > LONGEST_NAME:
            raise invalid("name", "Name: is too long (maximum is 255 characters)", "ValueTooLong")
        if (given.get("role") or "end-user") not in ROLES:
            raise invalid("role", f"Role: {given['role']} is not valid")
        email = given.get("email")
        if email:
            self._check_email(str(email), user)
        other = self.by_external_id(given.get("external_id"))
        if other is not None and other is not user:
            raise invalid("external_id", "External has already been taken", "DuplicateValue")
        self._check_phone(given.get("phone"))

    def _check_email(self, email: str, user: User | None) -> None:
        if "@" not in email or " " in email:
            raise invalid("email", f"Email:  {email} is not properly formatted", "InvalidValue")
        other = self.by_email(email)
        if other is not None and other is not user:
            raise invalid(
                "email", f"Email: {email} is already being used by another user", "DuplicateValue"
            )

    def _check_phone(self, phone: Any) -> None:  # noqa: ANN401 - whatever the caller sent
        if not phone or not self.account.validate_phones:
            return
        text = str(phone)
        if not (text.startswith("+") and text[1:].isdigit() and 7 <= len(text) <= 16):
            raise invalid("phone", f"Phone: {text} is not in E.164 format", "InvalidFormat")

    def _welcome(self, user: User) -> None:
        self.account.emails_sent.append(
            Email(
                at_ms=self.account.now_ms(),
                to=user.email or "",
                subject="Please verify your e-mail address",
                cause="welcome",
            )
        )
