"""A text judged without anybody having sent it: the rule tester, and the replay of old texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bridge.domain.directory import CarrierWords, Sender
from bridge.domain.keywords import RuleBook
from bridge.domain.numbers import display
from bridge.domain.settings_changes import Documents
from bridge.domain.verdicts import Decision, Facts, TicketsFrom, WordClass, judge

Who = Literal["anybody", "subscriber", "opted_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Settings to try texts on, compiled once."""

    senders: Mapping[str, Sender]
    rules: RuleBook
    tickets_from: TicketsFrom
    carriers: CarrierWords

    def judge(
        self,
        text: str,
        address: str,
        *,
        who: Who = "anybody",
        handled: WordClass | None = None,
    ) -> Decision | None:
        """What would follow; None where the number is no sender."""
        sender = self.senders.get(address)
        if sender is None:
            return None
        return judge(
            Facts(
                text=text,
                sender=sender,
                brand=sender.name or display(address),
                address=address,
                rules=self.rules,
                tickets_from=sender.tickets_from or self.tickets_from,
                opted_out=who == "opted_out",
                opted_in=who == "subscriber",
                pending={},
                carrier_words=self.carriers.get(sender.carrier, {}).get(sender.kind, {}),
                carrier_handled=handled,
            )
        )


def set_stage(documents: Documents, tickets_from: TicketsFrom, carriers: CarrierWords) -> Stage:
    """Compile settings, stored or not yet."""
    return Stage(
        senders={sender.address: sender for sender in documents.senders},
        rules=RuleBook([entry.compiled() for entry in documents.keywords]),
        tickets_from=tickets_from,
        carriers=carriers,
    )
