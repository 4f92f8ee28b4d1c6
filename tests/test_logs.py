from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bridge import logs

KEY = b"k" * 32
NUMBER = "+12025550100"
TOKEN = logs.number_token(NUMBER, KEY)


@pytest.fixture
def stream() -> Iterator[io.BytesIO]:
    """Where the log goes in this test; what pytest had set up comes back afterwards."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield io.BytesIO()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.setLevel(level)
    for handler in list(root.handlers):
        if handler not in handlers:
            root.removeHandler(handler)


def lines(stream: io.BytesIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_and_level(stream: io.BytesIO) -> None:
    logs.configure(number_key=KEY, stream=stream)

    structlog.get_logger().info("text taken in", message_id="m1", segments=2)

    (line,) = lines(stream)
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "text taken in",
        "level": "info",
        "message_id": "m1",
        "segments": 2,
    }


def test_lines_below_the_level_are_left_out(stream: io.BytesIO) -> None:
    logs.configure(level="warning", number_key=KEY, stream=stream)

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")

    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_the_correlation_id_is_on_every_line_within_and_on_none_after(
    stream: io.BytesIO,
) -> None:
    logs.configure(number_key=KEY, stream=stream)
    logger = structlog.get_logger()

    with structlog.contextvars.bound_contextvars(correlation_id="c1"):
        logger.info("one")
        logging.getLogger("library").error("two")
    logger.info("three")

    assert [line.get("correlation_id") for line in lines(stream)] == ["c1", "c1", None]


@pytest.mark.parametrize(
    "value",
    [
        NUMBER,
        f"to {NUMBER} now",
        "+1 202-555-0100",
        "+1 (202) 555-0100",
        "From=%2B12025550100",
        {"nested": {"to": [NUMBER]}},
        {NUMBER: 1},
        (NUMBER,),
        RuntimeError(f"boom {NUMBER}"),
    ],
    ids=["plain", "in words", "dashes", "brackets", "escaped", "nested", "key", "tuple", "error"],
)
def test_a_number_is_the_same_token_wherever_it_hides(stream: io.BytesIO, value: object) -> None:
    logs.configure(number_key=KEY, stream=stream)

    structlog.get_logger().info("event", field=value)

    written = stream.getvalue().decode()
    assert "5550100" not in written
    assert "555-0100" not in written
    assert TOKEN in written


@pytest.mark.parametrize(
    "field",
    ["body", "text", "token", "auth_token", "Authorization", "client_secret", "password", "email"],
)
def test_fields_that_hold_texts_or_secrets_are_hidden_at_any_depth(
    stream: io.BytesIO, field: str
) -> None:
    logs.configure(number_key=KEY, stream=stream)

    structlog.get_logger().info("event", **{field: "canary"}, deep=[{field: {"x": "canary"}}])

    (line,) = lines(stream)
    assert line[field] == logs.HIDDEN
    assert line["deep"] == [{field: logs.HIDDEN}]


@pytest.mark.parametrize(
    "said",
    [
        "sent Bearer canary.abc-123",
        "Authorization: Basic canary==",
        "GET https://user:canary@example.com/x",
        "GET https://example.com/x?Body=canary&From=1",
        "the value xxcanaryxx was wrong",
    ],
    ids=["bearer", "basic", "user", "query", "known secret"],
)
def test_secrets_are_hidden_within_other_words(stream: io.BytesIO, said: str) -> None:
    logs.configure(number_key=KEY, secrets=["xxcanaryxx", "", "ab"], stream=stream)

    structlog.get_logger().info("event", words=None, said=said)

    assert b"canary" not in stream.getvalue()
    assert b"event" in stream.getvalue()


def test_ids_and_times_stay_readable(stream: io.BytesIO) -> None:
    logs.configure(number_key=KEY, secrets=["ab"], stream=stream)
    fields = {
        "message_id": "0195f2f5c0de7abc8def001122334455",
        "ticket_id": 12025550100,
        "due": "2026-01-02T03:04:05.678Z",
        "short": "US:50500",
        "none": None,
        "flag": True,
    }

    structlog.get_logger().info("event", **fields)

    (line,) = lines(stream)
    assert {name: line[name] for name in fields} == fields


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_tracebacks_are_logged_without_numbers(
    stream: io.BytesIO, log_format: logs.LogFormat
) -> None:
    logs.configure(log_format, number_key=KEY, stream=stream)

    try:
        int(NUMBER + "x")
    except ValueError:
        structlog.get_logger().exception("failed")

    written = stream.getvalue().decode()
    assert "ValueError: invalid literal" in written
    assert TOKEN in written
    assert NUMBER not in written


def test_libraries_log_through_the_same_redactor(stream: io.BytesIO) -> None:
    logs.configure(number_key=KEY, stream=stream)

    logging.getLogger("some.library").warning("number %s is odd", NUMBER)
    logging.getLogger("some.library").info("chatter")

    (line,) = lines(stream)
    assert line["said"] == f"number {TOKEN} is odd"
    assert (line["library"], line["level"]) == ("some.library", "warning")


def test_a_librarys_faulty_record_is_told_of_by_its_place(stream: io.BytesIO) -> None:
    logs.configure(number_key=KEY, stream=stream)
    record = logging.LogRecord("library", logging.ERROR, "odd.py", 7, "%d", ("x",), None)

    # Not through its logger: pytest's own handler would trip over the record, too.
    logs._Foreign().emit(record)

    assert lines(stream)[0]["said"] == "unusable log record at odd.py:7"


def test_there_is_no_access_log(stream: io.BytesIO) -> None:
    logs.configure(level="debug", number_key=KEY, stream=stream)

    logging.getLogger("aiohttp.access").info("GET /x?From=%s", NUMBER)

    assert stream.getvalue() == b""


def test_configuring_again_does_not_write_lines_twice(stream: io.BytesIO) -> None:
    logs.configure(number_key=KEY, stream=stream)
    logs.configure(number_key=KEY, stream=stream)

    logging.getLogger("library").warning("once")

    assert len(lines(stream)) == 1


def test_a_full_disk_loses_the_line_and_not_the_work() -> None:
    class FullDisk(io.BytesIO):
        def write(self, _content: object) -> int:
            raise OSError(28, "No space left on device")

    writer = logs.LineWriter(FullDisk())

    writer.info(b"line")
    writer.info("line")

    assert writer.dropped == 2


def test_what_cannot_be_printed_does_not_fail_the_caller(stream: io.BytesIO) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no words for it")

    logs.configure(number_key=KEY, stream=stream)

    structlog.get_logger().info("event", odd=Odd(), lone="\ud800", raw=b"\xff")

    (line,) = lines(stream)
    assert line["odd"] == "unprintable Odd"


def test_tokens_differ_by_key_and_end_in_the_last_two_digits() -> None:
    assert TOKEN.endswith("..00")
    assert logs.number_token(NUMBER, b"other") != TOKEN
    assert logs.number_token("+12025550101", KEY) != TOKEN
