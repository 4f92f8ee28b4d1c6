"""What Prometheus sees. Labels come from small fixed sets: never a number, an id or a text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

import bridge

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

CallOutcome: TypeAlias = Literal["done", "later", "refused", "unknown"]
Recovered: TypeAlias = Literal["text", "reply", "old_reply", "report"]
RefusalReason: TypeAlias = Literal["signature", "malformed", "too_large", "method", "not_durable"]

# Seconds. A carrier's webhook has 15 s at most; a call to a far side ends at its time-out.
_WEBHOOK_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)
_CALL_BUCKETS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Work at one moment: how much waits, how much failed, how long the oldest has waited."""

    waiting: int
    failed: int
    oldest_s: float


class Metrics:
    """All measures of one service, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._inbound = Counter(
            "bridge_inbound_texts", "Texts judged, by verdict", ["verdict"], registry=registry
        )
        self._outbound = Counter(
            "bridge_outbound_texts",
            "Texts to customers that came into a state",
            ["state"],
            registry=registry,
        )
        self._refused = Counter(
            "bridge_webhooks_refused",
            "Webhooks not accepted, by who was addressed and why",
            ["source", "reason"],
            registry=registry,
        )
        self._attempts = Counter(
            "bridge_attempts",
            "Attempts at work, by kind and outcome",
            ["kind", "outcome"],
            registry=registry,
        )
        self._recovered = Counter(
            "bridge_recovered",
            "What sweeps found that no webhook had brought, by what it was",
            ["what"],
            registry=registry,
        )
        self._sweep_age = Gauge(
            "bridge_sweep_age_seconds",
            "How long ago a far side had last been swept to the end",
            ["account"],
            registry=registry,
        )
        self._work = Gauge("bridge_work", "Work, by state", ["state"], registry=registry)
        self._oldest = Gauge(
            "bridge_work_oldest_seconds", "How long the oldest work waits", registry=registry
        )
        self._call = Histogram(
            "bridge_call_seconds",
            "Calls to Zendesk and the carriers",
            ["far_side", "outcome"],
            buckets=_CALL_BUCKETS,
            registry=registry,
        )
        self._webhook = Histogram(
            "bridge_webhook_seconds",
            "Webhooks, until answered",
            ["source"],
            buckets=_WEBHOOK_BUCKETS,
            registry=registry,
        )
        self._log_lines = Gauge(
            "bridge_log_lines_dropped", "Log lines that could not be written", registry=registry
        )
        self._halted = Gauge("bridge_sending_halted", "1 while no text leaves", registry=registry)
        _tell_version(registry)

    def count_inbound(self, verdict: str) -> None:
        """Count a text that got its verdict."""
        self._inbound.labels(verdict).inc()

    def count_outbound(self, state: str) -> None:
        """Count a text to a customer that came into this state."""
        self._outbound.labels(state).inc()

    def count_refused(self, source: str, reason: RefusalReason) -> None:
        """Count a webhook that was not accepted. `source` is "zendesk" or a carrier's name."""
        self._refused.labels(source, reason).inc()

    def count_attempt(self, kind: str, outcome: str) -> None:
        """Count an attempt at work; the words are those of the attempts table."""
        self._attempts.labels(kind, outcome).inc()

    def count_recovered(self, what: Recovered) -> None:
        """Count what a sweep found."""
        self._recovered.labels(what).inc()

    def set_sweep_age(self, account: str, seconds: float) -> None:
        """Note how long ago an account had last been swept to the end."""
        self._sweep_age.labels(account).set(seconds)

    def time_call(self, far_side: str, outcome: CallOutcome, seconds: float) -> None:
        """Note how long a call to a far side took and how it ended."""
        self._call.labels(far_side, outcome).observe(seconds)

    def time_webhook(self, source: str, seconds: float) -> None:
        """Note how long it took to answer a webhook."""
        self._webhook.labels(source).observe(seconds)

    def set_backlog(self, backlog: Backlog) -> None:
        """Note the work at this moment: called before `render`."""
        self._work.labels("waiting").set(backlog.waiting)
        self._work.labels("failed").set(backlog.failed)
        self._oldest.set(backlog.oldest_s)

    def set_halted(self, *, halted: bool) -> None:
        """Note whether all sending is halted: called before `render`."""
        self._halted.set(int(halted))

    def watch_log_lines(self, dropped: Callable[[], int]) -> None:
        """Ask `dropped`, at each `render`, how many log lines were lost so far."""
        self._log_lines.set_function(dropped)

    def render(self) -> bytes:
        """Everything in Prometheus's text format, to be served as CONTENT_TYPE."""
        return generate_latest(self._registry)


def _tell_version(registry: CollectorRegistry) -> None:
    build = Gauge("bridge_build_info", "The version", ["version"], registry=registry)
    build.labels(bridge.__version__).set(1)
