"""What came and went: messages."""

from __future__ import annotations

import click

from bridge.cli.output import as_json, one_line, print_fields, print_json, print_table
from bridge.cli.running import read, settings_here
from bridge.clock import rfc3339
from bridge.domain.numbers import can_be_answered, display
from bridge.errors import BadRequest, UserMistake
from bridge.settings import Settings
from bridge.store.listing import Message, Trace, list_messages, trace
from bridge.web.api.answers import show_message, show_trace
from bridge.web.api.reading import NUMBER, read_addresses


@click.command()
@click.option("--customer", metavar="N", help="Only those of this number.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--why", "message_id", metavar="ID", help="All about one message: rule, attempts.")
@as_json
def messages(*, customer: str | None, limit: int, message_id: str | None, json: bool) -> None:
    """Show what came and went, newest first."""
    settings = settings_here()
    if message_id is not None:
        _explain(settings, message_id, json=json)
        return
    customers = read_addresses("--customer", customer)
    found = read(settings, lambda tx: list_messages(tx, customers=customers, limit=limit))
    if customers and not found and not can_be_answered(customers[0]):
        raise BadRequest("--customer", NUMBER)  # a name that never texted is none
    if json:
        print_json({"messages": [show_message(message) for message in found]})
    else:
        print_table(
            ("time", "id", "from", "to", "state", "verdict", "ticket", "text"),
            [_row(message) for message in found],
            empty="no messages",
        )


def _explain(settings: Settings, message_id: str, *, json: bool) -> None:
    found = read(settings, lambda tx: trace(tx, message_id))
    if found is None:
        raise UserMistake(f"there is no message {message_id}")
    if json:
        print_json(show_trace(found))
    else:
        _print_trace(found)


def _row(message: Message) -> tuple[object, ...]:
    inbound = message.direction == "inbound"
    ends = (display(message.customer), display(message.sender))
    return (
        rfc3339(message.created_at_ms),
        message.id,
        *(ends if inbound else reversed(ends)),
        message.state if message.recovered is None else f"{message.state}, recovered",
        message.verdict,
        message.ticket_id,
        message.body,
    )


def _recovered(message: Message) -> str | None:
    """How a sweep came to find it, where one did."""
    how = {
        "missed": "found by a sweep: no webhook told of it",
        "withheld": "found by a sweep: the carrier held it back as machine-written",
    }.get(message.recovered or "")
    if how is None or message.sent_at_ms is None:
        return how
    return f"{how}; sent {rfc3339(message.sent_at_ms)}"


def _print_trace(found: Trace) -> None:
    message = found.message
    print_fields(
        {
            "id": message.id,
            "direction": message.direction,
            "kind": message.kind,
            "sender": display(message.sender),
            "customer": display(message.customer),
            "text": message.body,
            "time": rfc3339(message.created_at_ms),
            "recovered": _recovered(message),
            "state": message.state,
            "verdict": message.verdict,
            "why": message.why,
            "rule": message.rule,
            "ticket": message.ticket_id,
            "comment": message.comment_id,
            "error": message.error,
            "reason": message.reason,
        }
    )
    for item in message.media:
        how = f", {item['sent_as']}" if "sent_as" in item else ""
        why = f", as {item['why']}" if item.get("why") else ""
        click.echo(f"file: {one_line(item.get('name') or item['url'])}{how}{why}")
    for part in found.message.parts:
        click.echo(f"part: {one_line(part.state)}, {one_line(part.carrier_id)}")
    for attempt in found.attempts:
        words = one_line(attempt.words)
        click.echo(f"{rfc3339(attempt.at_ms)} {attempt.kind}: {attempt.outcome}, {words}")
    for work in found.work:
        due = rfc3339(work.due_at_ms)
        click.echo(f"{due} {work.kind}: {work.state}, {work.attempts} attempts, {work.ref}")
