"""Whether the promises were kept: history, ledger and final database in, violations out.

I1 what was acknowledged has exactly one effect; I2 what was not has one or none; I3 no effect
without a cause; I4 order within a conversation, both ways; I5 nothing is sent after an opt-out but
one confirmation; I6 everything is final or explained; I7 restarts change nothing; I8 the database
is whole; I9 nothing secret stands in the logs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.faults.ending import Consent, Ending, Message, Sent
from tests.faults.ledger import (
    AcceptedText,
    AgentReply,
    CustomerText,
    History,
    Ledger,
    WrittenComment,
)

FINAL = frozenset({"done", "sent", "delivered"})
EXPLAINED = frozenset({"failed", "refused", "undelivered", "uncertain"})  # each with its reason
# Rightly not sent, as it was refused; or nobody knows, and the agent is told so.
UNSENT = frozenset({"refused", "uncertain"})
ANSWERS = frozenset({"auto", "opt_out_answer"})
IN_FLIGHT_MS = 10_000  # how long a request that left before an opt-out may be on its way

Place = tuple[int, int]  # which effect, and where in its words


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A promise that was broken."""

    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule} {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is judged. `restarted` are ledgers that were read after further restarts; `log` is
    all that was logged, and `canaries` are what may not stand in it."""

    history: History
    ledger: Ledger
    ending: Ending
    restarted: Sequence[Ledger] = ()
    log: str = ""
    canaries: frozenset[str] = field(default_factory=frozenset)


def find_violations(case: Case) -> list[Violation]:
    """Everything that was promised and not kept. Raises ValueError where keys aren't unique."""
    keys = [text.key for text in case.history.texts if not text.opts_out]
    keys += [key for reply in case.history.replies for key in reply.keys]
    if len(set(keys)) != len(keys) or any(len(key.split()) != 1 for key in keys):
        raise ValueError("each key has to be one word, and the only one of its kind")
    ours = [comment for comment in case.ledger.comments if comment.by_bridge]
    in_comments = _places(keys, (comment.body for comment in ours))
    in_sends = _places(keys, (send.body for send in case.ledger.sends))
    return [
        *_texts(case, ours, in_comments),
        *_opt_outs(case),
        *_replies(case, in_sends),
        *_causes_of_comments(case, ours, in_comments),
        *_causes_of_sends(case, in_sends),
        *_order_of_texts(case.history.texts, in_comments),
        *_order_of_replies(case.history.replies, in_sends),
        *_sent_after_opt_out(case),
        *_unfinished(case.ending),
        *_done_by_restarts(case),
        *(Violation(rule="I8", what=fault) for fault in case.ending.faults),
        *_leaks(case.log, case.canaries),
    ]


def _places(keys: Iterable[str], bodies: Iterable[str]) -> Mapping[str, list[Place]]:
    """Where each key stands."""
    wanted = set(keys)
    found: dict[str, list[Place]] = defaultdict(list)
    for index, body in enumerate(bodies):
        for at, word in enumerate(body.split()):
            if word in wanted:
                found[word].append((index, at))
    return found


def _texts(
    case: Case, ours: Sequence[WrittenComment], places: Mapping[str, list[Place]]
) -> Iterator[Violation]:
    for text in case.history.texts:
        if text.opts_out:
            continue
        found = places.get(text.key, [])
        is_due = text.acknowledged or case.history.swept
        yield from _count(f"text {text.key}", len(found), is_due=is_due)
        for index, _ in found:
            comment = ours[index]
            if comment.customer != text.customer:
                what = f"text {text.key} stands in ticket {comment.ticket_id} of somebody else"
                yield Violation(rule="I3", what=what)
            if text.body not in comment.body or not comment.public:
                yield Violation(rule="I1", what=f"text {text.key} was changed or hidden")


def _count(what: str, count: int, *, is_due: bool) -> Iterator[Violation]:
    if count == 0 and is_due:
        yield Violation(rule="I1", what=f"{what} is lost")
    if count > 1:
        yield Violation(rule="I1" if is_due else "I2", what=f"{what} stands {count} times")


def _opt_outs(case: Case) -> Iterator[Violation]:
    kept = Counter(each.carrier_id for each in case.ending.consent if each.opts_out)
    for text in case.history.texts:
        if text.opts_out:
            is_due = text.acknowledged or case.history.swept
            yield from _count(f"opt-out {text.carrier_id}", kept[text.carrier_id], is_due=is_due)


def _replies(case: Case, places: Mapping[str, list[Place]]) -> Iterator[Violation]:
    by_comment = {message.comment_id: message for message in case.ending.messages}
    for reply in case.history.replies:
        message = by_comment.get(reply.comment_id)
        # Why nothing was sent is I6's question.
        unsent = message is not None and message.direction == "outbound" and message.state in UNSENT
        is_due = (reply.hinted or case.history.swept) and not unsent
        for key in reply.keys:
            found = places.get(key, [])
            yield from _count(f"reply {key}", len(found), is_due=is_due)
            for index, _ in found:
                send = case.ledger.sends[index]
                if (send.customer, send.sender) != (reply.customer, reply.sender):
                    yield Violation(rule="I3", what=f"reply {key} went to or from another number")


def _causes_of_comments(
    case: Case, ours: Sequence[WrittenComment], places: Mapping[str, list[Place]]
) -> Iterator[Violation]:
    said = {text.key for text in case.history.texts}
    caused = {index for key, found in places.items() if key in said for index, _ in found}
    marks: Counter[str] = Counter()
    for index, comment in enumerate(ours):
        marks[comment.mark] += 1
        if index not in caused and (comment.public or not comment.mark):
            what = f"comment {comment.comment_id} on ticket {comment.ticket_id} has no cause"
            yield Violation(rule="I3", what=what)
    for mark, count in marks.items():
        if mark and count > 1:
            yield Violation(rule="I3", what=f"{count} comments have the mark {mark}")
    yield from _needless(case, ours)


def _needless(case: Case, ours: Sequence[WrittenComment]) -> Iterator[Violation]:
    """Second tickets for a conversation whose first could have been used, and second users."""
    whose = {each.id: (each.sender, each.customer) for each in case.ending.messages}
    open_ones: dict[tuple[str, str], int] = {}
    for comment in ours:
        conversation = whose.get(comment.external_id)
        if not comment.opens_ticket or conversation is None:
            continue
        first = open_ones.setdefault(conversation, comment.ticket_id)
        if first != comment.ticket_id and first not in case.ledger.closed:
            what = f"tickets {first} and {comment.ticket_id} are of one conversation"
            yield Violation(rule="I3", what=what)
        open_ones[conversation] = comment.ticket_id
    for phone, count in Counter(case.ledger.people).items():
        if count > 1:
            yield Violation(rule="I3", what=f"{count} users have the number …{phone[-4:]}")


def _causes_of_sends(case: Case, places: Mapping[str, list[Place]]) -> Iterator[Violation]:
    replied = {key for reply in case.history.replies for key in reply.keys}
    caused = {index for key, found in places.items() if key in replied for index, _ in found}
    known = {each.carrier_id: each for each in case.ending.sent}
    causes = {each.id for each in case.ending.messages if each.direction == "inbound"}
    answered: Counter[tuple[str, str | None]] = Counter()
    for index, send in enumerate(case.ledger.sends):
        sent = known.get(send.carrier_id)
        if sent is None:
            what = f"the database knows nothing of the sent text {send.carrier_id}"
            yield Violation(rule="I3", what=what)
        elif index not in caused:
            if sent.kind not in ANSWERS or sent.cause_id not in causes:
                yield Violation(rule="I3", what=f"the sent text {send.carrier_id} has no cause")
            answered[sent.message_id, sent.cause_id] += 1
    for (message_id, _), count in answered.items():
        if count > 1:
            yield Violation(rule="I1", what=f"answer {message_id} was sent {count} times")


def _order_of_texts(
    texts: Sequence[CustomerText], places: Mapping[str, list[Place]]
) -> Iterator[Violation]:
    """Whoever was acknowledged before another was begun stands before it."""
    talks: dict[tuple[str, str], list[CustomerText]] = defaultdict(list)
    for text in texts:
        if places.get(text.key):
            talks[text.customer, text.to].append(text)
    for talk in talks.values():
        for later in talk:
            for earlier in talk:
                if (
                    earlier.acknowledged
                    and earlier.told_ms <= later.begun_ms
                    and earlier is not later
                    and places[earlier.key][0] > places[later.key][0]
                ):
                    what = f"text {later.key} stands before {earlier.key}"
                    yield Violation(rule="I4", what=what)


def _order_of_replies(
    replies: Sequence[AgentReply], places: Mapping[str, list[Place]]
) -> Iterator[Violation]:
    """The texts of one ticket's replies leave in the order in which those were written."""
    last: dict[int, tuple[Place, str]] = {}
    for reply in sorted(replies, key=lambda each: each.comment_id):
        for key in reply.keys:
            if not places.get(key):
                continue
            before = last.get(reply.ticket_id)
            if before is not None and before[0] > places[key][0]:
                yield Violation(rule="I4", what=f"reply {key} was sent before {before[1]}")
            last[reply.ticket_id] = (places[key][0], key)


def _sent_after_opt_out(case: Case) -> Iterator[Violation]:
    known = {each.carrier_id: each for each in case.ending.sent}
    words: dict[str, list[Consent]] = defaultdict(list)
    kept_ms = {text.carrier_id: text.kept_ms for text in case.history.texts}
    heard_in_time = (_known_by(word, kept_ms) for word in case.ending.consent)
    for word in sorted(heard_in_time, key=lambda each: each.committed_ms):
        words[word.customer].append(word)
    for send in case.ledger.sends:
        heard = words[send.customer]
        stop = _stop_before(send, known.get(send.carrier_id), heard, case.ledger.said_ms)
        if stop is not None:
            what = f"text {send.carrier_id} was sent after the opt-out {stop.message_id}"
            yield Violation(rule="I5", what=what)
    confirmed = Counter(each.cause_id for each in known.values() if each.kind == "opt_out_answer")
    for cause, count in confirmed.items():
        if count > 1:
            yield Violation(rule="I5", what=f"the opt-out {cause} was confirmed {count} times")


def _known_by(word: Consent, kept_ms: Mapping[str, int | None]) -> Consent:
    """The same with the time at which it counts: an opt-out once it was committed for certain, as
    what was acknowledged was, an opt-in as soon as it may have been."""
    if not word.opts_out:
        return replace(word, committed_ms=word.begun_ms)
    kept = kept_ms.get(word.carrier_id or "")
    if kept is None:
        return word
    return replace(word, committed_ms=min(word.committed_ms, max(word.begun_ms, kept)))


def _stop_before(
    send: AcceptedText, sent: Sent | None, words: Sequence[Consent], said_ms: Mapping[str, int]
) -> Consent | None:
    """The opt-out that this text should have minded: known before it left, and no opt-in was said
    or heard after it."""
    if sent is not None and sent.kind == "opt_out_answer":
        return None
    left_ms = send.at_ms - IN_FLIGHT_MS
    if sent is not None and sent.begun_ms is not None:
        left_ms = max(left_ms, sent.begun_ms)
    heard = [word for word in words if word.committed_ms < left_ms]

    def said(word: Consent) -> int:
        return said_ms.get(word.carrier_id or "", word.committed_ms)

    for stop in heard:
        if stop.opts_out and not any(
            word.committed_ms > stop.committed_ms or said(word) > said(stop)
            for word in heard
            if not word.opts_out
        ):
            return stop
    return None


def _unfinished(ending: Ending) -> Iterator[Violation]:
    for message in ending.messages:
        if not _is_settled(message):
            yield Violation(rule="I6", what=f"message {message.id} is left {message.state}")
    for item in ending.work:
        if item.state == "waiting" and item.kind != "sweep":
            yield Violation(rule="I6", what=f"{item.kind} {item.ref} still waits")
        if item.state == "failed" and not item.reason:
            yield Violation(rule="I6", what=f"{item.kind} {item.ref} failed for no reason")


def _is_settled(message: Message) -> bool:
    if message.state in EXPLAINED:
        return bool(message.reason)
    return message.state in FINAL


def _done_by_restarts(case: Case) -> Iterator[Violation]:
    for count, after in enumerate(case.restarted, start=1):
        new = [each.comment_id for each in after.comments[len(case.ledger.comments) :]]
        sent = [each.carrier_id for each in after.sends[len(case.ledger.sends) :]]
        if new or sent:
            what = f"restart {count} made {len(new)} comments and {len(sent)} texts"
            yield Violation(rule="I7", what=what)


def _leaks(log: str, canaries: frozenset[str]) -> Iterator[Violation]:
    for canary in sorted(canaries):
        if canary in log:  # which one it was is not repeated in full
            yield Violation(rule="I9", what=f"“{canary[:4]}…” stands in the log")
