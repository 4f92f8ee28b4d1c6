"""Why a text does or does not become a ticket, and what else follows from it.

Pure: `judge` is given the facts and answers with a `Decision`, a list of actions as data. The
order is fixed: answer to a pending double opt-in, opt-out word, opt-in word, HELP/INFO, subscribe
keyword, consent policy, ticket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bridge.domain import auto_replies, machines
from bridge.domain.auto_replies import Moment
from bridge.domain.directory import Sender
from bridge.domain.keywords import KeywordRule, RuleBook
from bridge.domain.wishes import Wish, wish_to_stop
from bridge.domain.words import StandardWord, default_text, exact_word, standard_word

Verdict = Literal["ticket", "opt_out", "opt_in", "keyword", "not_consented", "no_sender", "loop"]
WordClass = Literal["STOP", "START", "HELP"]
TicketsFrom = Literal["subscribers", "not_opted_out", "anyone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOut:
    """The customer wants nothing more, from any number of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptIn:
    """The customer may be texted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """Put the customer on lists."""

    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """Take the customer off lists."""

    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskToConfirm:
    """The customer is on these lists only after a YES."""

    lists: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTags:
    """Add tags to the contact."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFields:
    """Set fields of the contact."""

    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAPerson:
    """Perhaps a wish to stop: somebody has to decide, and texts go on until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Text the customer back. `to_opt_out` is the one that may still go after an opt-out;
    `about_consent` answers STOP or START and waits for no other text."""

    text: str
    to_opt_out: bool = False
    about_consent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoAnswer:
    """Text the customer back by itself, once within the quiet period."""

    text: str
    quiet_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TellAgent:
    """A private note on the open ticket, where there is one."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeTicket:
    """The text goes to the desk. `warning` is a private note beside it: why no reply can go.
    Without `reopens` a solved ticket stays solved."""

    warning: str | None = None
    reopens: bool = True


Action = (
    OptOut
    | OptIn
    | Subscribe
    | Unsubscribe
    | AskToConfirm
    | SetTags
    | SetFields
    | AskAPerson
    | Answer
    | AutoAnswer
    | TellAgent
    | MakeTicket
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when a text is judged.

    `carrier_words` are the words (upper case) that this carrier answers by itself on this kind of
    sender; `carrier_handled` is what the carrier says it has dealt with, in this very text.
    `blocked_by_carrier`: the opt-out in force is one that the carrier has made its own.
    `pending` are the lists that wait for a YES, each with the rule that asked. `open_hours` names
    the hours that it is within now (None: all of them); `moment` is there where the sender answers
    by itself.
    """

    text: str
    sender: Sender
    brand: str
    address: str
    rules: RuleBook
    tickets_from: TicketsFrom
    can_be_answered: bool = True
    from_ourselves: bool = False
    opted_out: bool = False
    blocked_by_carrier: bool = False
    opted_in: bool = False
    lists: frozenset[str] = frozenset()
    pending: Mapping[str, KeywordRule | None]
    carrier_words: Mapping[WordClass, frozenset[str]]
    carrier_handled: WordClass | None = None
    open_hours: frozenset[str] | None = None
    moment: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict, why, which rule or word decided, and what follows."""

    verdict: Verdict
    why: str
    rule: str | None = None
    actions: tuple[Action, ...] = ()


OPTED_OUT_WARNING = (
    "This customer has opted out of texts (STOP). A public reply here can't be delivered by text "
    "until they send START; use another way to reach them."
)
WISH = "wish to stop"
FLAG_NOTE = (
    "“{said}”: this customer may want no more texts. They still get them until somebody decides: "
    "in the console, on the contact\u2019s page. Please decide soon, as the law sets a limit."
)
NO_ANSWER_WARNING = (
    "This text came from a short code or a name, which can't be answered by text. "
    "A public reply here reaches nobody's phone."
)


def judge(facts: Facts) -> Decision:
    """Decide about one text."""
    if facts.from_ourselves:
        return Decision(verdict="loop", why="it came from one of our own numbers")
    decided = _by_word(facts) or _by_wish(facts)
    if decided is not None:
        return decided
    found = facts.rules.find(facts.text, facts.address, facts.open_hours)
    return _by_policy(facts) if found is None else _by_rule(facts, *found)


def _by_word(facts: Facts) -> Decision | None:
    word = standard_word(facts.text)
    if word is not None and word.cls == "YES":
        # Even where the carrier takes every YES for an opt-in: an agent may have asked a question.
        if facts.pending:
            return _confirmed(facts)
        if facts.opted_out:
            return _opted_in(facts, word)
    else:
        match facts.carrier_handled or (word.cls if word is not None else None):
            case "STOP":
                return _opted_out(facts, word)
            case "START":
                return _opted_in(facts, word)
            case "HELP":
                return _helped(facts, word)
    return None


def _by_wish(facts: Facts) -> Decision | None:
    wish = wish_to_stop(facts.text)
    return None if wish is None else _wished(facts, wish)


def bridge_answers(facts: Facts, cls: WordClass) -> bool:
    """Whether we answer this text; exactly one of the carrier and us does.

    The sender's `answers` says which classes are ours. Of the others, a carrier that answers them
    knows its own words standing alone; a spelling that it doesn't know ("ARRÊT", "Stop!") is ours,
    and so is a START after such a STOP: the carrier has blocked nobody that it could let in again.
    """
    if facts.carrier_handled is not None:
        return False
    theirs = facts.carrier_words.get(cls, frozenset())
    answers = facts.sender.answers
    if answers is not None and (cls in answers or not theirs):
        return cls in answers
    if cls == "START" and facts.opted_out and not facts.blocked_by_carrier:
        return True
    return exact_word(facts.text) not in theirs


def _confirmed(facts: Facts) -> Decision:
    actions: list[Action] = [OptIn()] if facts.opted_out else []
    actions.append(Subscribe(lists=tuple(facts.pending)))
    rules = [rule for rule in facts.pending.values() if rule is not None]
    replies = list(dict.fromkeys(rule.reply for rule in rules if rule.reply))
    for rule in rules:
        actions += _marks(rule)
    actions.extend(Answer(text=reply) for reply in replies)
    return Decision(
        verdict="opt_in",
        why=f"confirmed the sign-up to {', '.join(facts.pending)}",
        rule=rules[0].name if rules else None,
        actions=tuple(actions),
    )


def _opted_out(facts: Facts, word: StandardWord | None) -> Decision:
    said = word.word if word is not None else "STOP"
    why = f"{said} is an opt-out word"
    return Decision(verdict="opt_out", why=why, rule=said, actions=(OptOut(), *_ended(facts)))


def _ended(facts: Facts) -> list[Action]:
    """What follows from an opt-out."""
    actions: list[Action] = []
    # One confirmation, then silence: somebody who is opted out already gets none.
    if not facts.opted_out and facts.can_be_answered and bridge_answers(facts, "STOP"):
        text = facts.sender.texts.stop or default_text("STOP", facts.brand)
        actions.append(Answer(text=text, to_opt_out=True, about_consent=True))
    if not facts.opted_out:
        actions.append(_opt_out_note(facts))
    return actions


def _wished(facts: Facts, wish: Wish) -> Decision | None:
    """A wish to stop in other words: obeyed where nothing else is said, else a person reads it."""
    why = f"“{wish.said}” is a wish to stop"
    if wish.is_all and (facts.opted_out or facts.sender.on_stop_wish == "opt_out"):
        return Decision(verdict="opt_out", why=why, rule=WISH, actions=(OptOut(), *_ended(facts)))
    if facts.opted_out:  # nothing is left to be wished for: the text is like any other
        return None
    allowed = _by_policy(facts)
    ticket = (_ticket(facts),) if allowed.verdict == "ticket" else ()
    return Decision(
        verdict=allowed.verdict,
        why=f"{why}; a person is to decide" + ("" if ticket else f" ({allowed.why})"),
        rule=WISH,
        actions=(AskAPerson(), *ticket, TellAgent(text=FLAG_NOTE.format(said=wish.said))),
    )


def _opt_out_note(facts: Facts) -> TellAgent:
    return TellAgent(
        text=f"The customer texted “{facts.text.strip()[:160]}”, which opts them out: no more "
        "texts go to them until they send START. If they meant something else (an order to "
        "cancel, say), please reach them another way."
    )


def _opted_in(facts: Facts, word: StandardWord | None) -> Decision:
    said = word.word if word is not None else "START"
    actions: list[Action] = [OptIn()]
    if facts.can_be_answered and bridge_answers(facts, "START"):
        text = facts.sender.texts.start or default_text("START", facts.brand)
        actions.append(Answer(text=text, about_consent=True))
    return Decision(
        verdict="opt_in", why=f"{said} is an opt-in word", rule=said, actions=tuple(actions)
    )


def _helped(facts: Facts, word: StandardWord | None) -> Decision:
    said = word.word if word is not None else "HELP"
    actions: list[Action] = []
    if not facts.opted_out and facts.can_be_answered and bridge_answers(facts, "HELP"):
        found = facts.rules.find(facts.text, facts.address)
        reply = found[0].reply if found is not None else None
        text = reply or facts.sender.texts.help or default_text("HELP", facts.brand)
        actions.append(Answer(text=text))
    actions.append(_ticket(facts))
    return Decision(
        verdict="ticket",
        why=f"{said} asks for help: {_who_answers(actions)}, and a ticket",
        rule=said,
        actions=tuple(actions),
    )


def _who_answers(actions: Sequence[Action]) -> str:
    return "answered" if any(isinstance(one, Answer) for one in actions) else "not ours to answer"


def _by_rule(facts: Facts, rule: KeywordRule, word: str) -> Decision:
    actions: list[Action] = []
    may_text = not facts.opted_out and facts.can_be_answered
    if rule.unsubscribe:
        actions.append(Unsubscribe(lists=rule.unsubscribe))
    if rule.confirm and not facts.lists.issuperset(rule.lists):
        if may_text:  # who can't be asked can't confirm: on no list without that
            actions.append(AskToConfirm(lists=rule.lists))
            actions.append(Answer(text=rule.confirm))
    else:
        # Recorded and shown for somebody opted out too, but neither lifts that nor is answered.
        if rule.lists:
            actions.append(Subscribe(lists=rule.lists))
        actions += _marks(rule)
        if rule.reply and may_text:
            actions.append(Answer(text=rule.reply))
    why = f"“{word}” is a keyword of the rule {rule.name}"
    if rule.ticket:
        actions.append(_ticket(facts))
    return Decision(
        verdict="ticket" if rule.ticket else "keyword",
        why=why + (", which also makes a ticket" if rule.ticket else ""),
        rule=rule.name,
        actions=tuple(actions),
    )


def _marks(rule: KeywordRule) -> list[Action]:
    tags: list[Action] = [SetTags(tags=rule.set_tags)] if rule.set_tags else []
    return tags + ([SetFields(fields=rule.set_fields)] if rule.set_fields else [])


def _by_policy(facts: Facts) -> Decision:
    policy = facts.tickets_from
    if policy != "anyone" and facts.opted_out:
        return Decision(verdict="not_consented", why=f"opted out, and the policy is {policy}")
    if policy == "subscribers" and not (facts.opted_in or facts.lists):
        return Decision(verdict="not_consented", why="no subscriber, and the policy is subscribers")
    return _ordinary(facts)


def _ordinary(facts: Facts) -> Decision:
    chatter = machines.chatter_in(facts.text)
    if chatter is not None:
        ticket = replace(_ticket(facts), reopens=facts.sender.reopen_on_chatter)
        why = f"{machines.IN_WORDS[chatter]}, which asks for nothing"
        return Decision(verdict="ticket", why=why, actions=(ticket,))
    ticket, why = _ticket(facts), "an ordinary text"
    may_text = facts.can_be_answered and not facts.opted_out
    chosen = auto_replies.choose(facts.moment) if may_text and facts.moment is not None else None
    if facts.moment is None or chosen is None:
        return Decision(verdict="ticket", why=why, actions=(ticket,))
    occasion, text = chosen
    answer = AutoAnswer(text=text, quiet_ms=facts.moment.texts.quiet_ms)
    return Decision(
        verdict="ticket",
        why=f"{why}, {auto_replies.IN_WORDS[occasion]}",
        actions=(ticket, answer),
    )


def _ticket(facts: Facts) -> MakeTicket:
    if not facts.can_be_answered:
        return MakeTicket(warning=NO_ANSWER_WARNING)
    return MakeTicket(warning=OPTED_OUT_WARNING if facts.opted_out else None)
