"""A text judged without anybody having sent it: the rule tester, and the replay of old texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bridge.domain.auto_replies import Moment
from bridge.domain.directory import CarrierWords, Directory, Sender, make_directory
from bridge.domain.hours import is_open
from bridge.domain.numbers import display
from bridge.domain.settings_changes import Documents
from bridge.domain.verdicts import Decision, Facts, TicketsFrom, WordClass, judge

Who = Literal["anybody", "subscriber", "opted_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Settings to try texts on, compiled once."""

    directory: Directory
    tickets_from: TicketsFrom
    carriers: CarrierWords

    def judge(
        self,
        text: str,
        address: str,
        *,
        at_ms: int,
        who: Who = "anybody",
        handled: WordClass | None = None,
        with_auto_replies: bool = False,
    ) -> Decision | None:
        """What would follow at this moment; None where the number is no sender.

        Greetings and out-of-hours replies only where asked for: of an old text nobody knows
        whether it was the first.
        """
        sender = self.directory.senders.get(address)
        if sender is None:
            return None
        return judge(
            Facts(
                text=text,
                sender=sender,
                brand=sender.name or display(address),
                address=address,
                rules=self.directory.rules,
                tickets_from=sender.tickets_from or self.tickets_from,
                opted_out=who == "opted_out",
                opted_in=who == "subscriber",
                pending={},
                carrier_words=self.carriers.get(sender.carrier, {}).get(sender.kind, {}),
                carrier_handled=handled,
                open_hours=self.open_at(at_ms),
                moment=self._moment(sender, at_ms, who) if with_auto_replies else None,
            )
        )

    def open_at(self, at_ms: int) -> frozenset[str]:
        """The hours that this moment is within."""
        weeks = self.directory.hours.items()
        return frozenset(name for name, week in weeks if is_open(week, at_ms))

    def _moment(self, sender: Sender, at_ms: int, who: Who) -> Moment | None:
        texts = self.directory.auto_texts(sender.address)
        if texts is None:
            return None
        week = self.directory.hours.get(sender.hours or "")
        return Moment(
            texts=texts,
            is_first=who == "anybody",
            is_open=week is None or is_open(week, at_ms),
            is_quiet=False,
        )


def set_stage(documents: Documents, tickets_from: TicketsFrom, carriers: CarrierWords) -> Stage:
    """Compile settings, stored or not yet."""
    directory = make_directory(
        senders=documents.senders,
        lists=documents.lists,
        keywords=documents.keywords,
        hours=documents.hours,
        auto_replies=documents.auto_replies,
    )
    return Stage(directory=directory, tickets_from=tickets_from, carriers=carriers)
