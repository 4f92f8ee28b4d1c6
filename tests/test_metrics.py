from __future__ import annotations

from bridge.metrics import Backlog, Metrics


def test_everything_counted_is_rendered_with_its_labels() -> None:
    metrics = Metrics()
    metrics.count_inbound("ticket")
    metrics.count_outbound("delivered")
    metrics.count_refused("twilio", "signature")
    metrics.count_attempt("text", "later")
    metrics.time_call("zendesk", "done", 0.3)
    metrics.time_webhook("twilio", 0.004)
    metrics.set_backlog(Backlog(waiting=3, failed=1, oldest_s=12.5))
    metrics.watch_log_lines(lambda: 2)

    lines = metrics.render().decode().splitlines()

    for line in (
        'bridge_inbound_texts_total{verdict="ticket"} 1.0',
        'bridge_outbound_texts_total{state="delivered"} 1.0',
        'bridge_webhooks_refused_total{reason="signature",source="twilio"} 1.0',
        'bridge_attempts_total{kind="text",outcome="later"} 1.0',
        'bridge_call_seconds_bucket{far_side="zendesk",le="0.5",outcome="done"} 1.0',
        'bridge_call_seconds_bucket{far_side="zendesk",le="0.25",outcome="done"} 0.0',
        'bridge_webhook_seconds_count{source="twilio"} 1.0',
        'bridge_work{state="waiting"} 3.0',
        'bridge_work{state="failed"} 1.0',
        "bridge_work_oldest_seconds 12.5",
        "bridge_log_lines_dropped 2.0",
    ):
        assert line in lines


def test_two_services_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()

    one.count_inbound("ticket")

    assert b'verdict="ticket"' in one.render()
    assert b'verdict="ticket"' not in other.render()
