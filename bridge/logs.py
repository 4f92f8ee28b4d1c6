"""Logs: an event name and fields, one line each, to standard error.

Callers log ids only. The redactor is the net below them: it goes through every field, however
deep, and through tracebacks, so that no number, text or secret leaves by an oversight.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets as randomness
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, BinaryIO, Final, Literal, TypeAlias

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat: TypeAlias = Literal["json", "console"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]

HIDDEN: Final = "[hidden]"
SHORTEST_SECRET: Final = 4  # a shorter "secret" would blank out ordinary words

# Fields that hold a text, a name or a secret by what they are called.
_SECRET_FIELD: Final = re.compile(
    r"(^|_)(token|tokens|secret|secrets|password|authorization|cookie|signature|credentials"
    r"|api_key|secret_key|body|text|texts|words|reply|email)$",
    re.IGNORECASE,
)
# However it is spaced, as long as it has a plus; in a query string the plus is %2B.
_NUMBER: Final = re.compile(r"(?:\+|%2[Bb])\d(?:[ ().\-/]{0,2}\d){6,14}")
_CREDENTIALS: Final = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE)
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/\s@]+@")
# Whatever the four look for holds one of these; what holds none, as ids do, is not gone through.
_SUSPECT: Final = re.compile(r"[+%\s]|://")
_QUERY_OF_URL: Final = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]+")


def number_token(address: str, key: bytes) -> str:
    """An address as it may stand in a log: the same address, the same token (with this key).

    Keyed, as the numbers of a country are few enough to try them all. Ends in its last two digits.
    """
    digest = hmac.new(key, address.encode(), hashlib.sha256).hexdigest()
    return f"{digest[:12]}..{address[-2:]}"


class Redactor:
    """A structlog processor that hides numbers, texts and secrets in everything it is given."""

    def __init__(self, *, number_key: bytes, secrets: Iterable[str] = ()) -> None:
        self._number_key = number_key
        long_enough = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        # Longest first: one secret may be the beginning of another.
        ordered = sorted(long_enough, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Return the event with everything hidden that must not be read."""
        return {key: self._clean_field(key, value) for key, value in event.items()}

    def clean(self, value: object) -> object:
        """A value with everything hidden that must not be read, at any depth."""
        if isinstance(value, str):
            return self._clean_text(value)
        if isinstance(value, Mapping):
            return {self._clean_text(str(k)): self._clean_field(k, v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.clean(item) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._clean_text(_as_text(value))

    def _clean_field(self, name: object, value: object) -> object:
        if isinstance(name, str) and value is not None and _is_secret(name):
            return HIDDEN
        return self.clean(value)

    def _clean_text(self, text: str) -> str:
        if not text.isascii():  # half a surrogate pair is no UTF-8, and cut texts may end in one
            text = text.encode("utf-8", "backslashreplace").decode()
        if self._secrets is not None:
            text = self._secrets.sub(HIDDEN, text)
        if _SUSPECT.search(text) is None:
            return text
        text = _CREDENTIALS.sub(rf"\1 {HIDDEN}", text)
        text = _USER_IN_URL.sub("", text)
        text = _QUERY_OF_URL.sub(r"\1?..", text)
        return _NUMBER.sub(self._hide_number, text)

    def _hide_number(self, match: re.Match[str]) -> str:
        digits = re.sub(r"\D", "", re.sub("%2[Bb]", "+", match[0]))
        return number_token(f"+{digits}", self._number_key)


@lru_cache(maxsize=1024)
def _is_secret(field: str) -> bool:
    return _SECRET_FIELD.search(field) is not None


class LineWriter:
    """Writes whole lines to a stream. A full disk or a closed pipe loses the line, not the work.

    `dropped` counts what could not be written.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.dropped = 0

    def msg(self, line: bytes | str) -> None:
        """Write one line."""
        encoded = line.encode("utf-8", "backslashreplace") if isinstance(line, str) else line
        try:
            self._stream.write(encoded + b"\n")
            self._stream.flush()
        except (OSError, ValueError):  # ValueError: the stream is closed
            self.dropped += 1

    # structlog calls the method that the level is named after.
    log = debug = info = warning = error = critical = exception = msg


class _Foreign(logging.Handler):
    """Hands what libraries log to structlog, so that there is one format and one redactor."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on. An unusable record is told of by its place."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = f"unusable log record at {record.pathname}:{record.lineno}"
        structlog.get_logger().log(
            record.levelno, "library", library=record.name, said=message, exc_info=record.exc_info
        )


def configure(
    log_format: LogFormat = "json",
    level: LogLevel = "info",
    *,
    number_key: bytes | None = None,
    secrets: Iterable[str] = (),
    stream: BinaryIO | None = None,
) -> LineWriter:
    """Set up structlog and the standard library's logging, once for each process.

    `secrets` are hidden wherever they turn up. Without a `number_key` (BRIDGE_SECRET_KEY's) the
    tokens of numbers are this process's own.
    """
    writer = LineWriter(sys.stderr.buffer if stream is None else stream)
    redactor = Redactor(number_key=number_key or randomness.token_bytes(32), secrets=secrets)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            redactor,
            # Behind it: these hold nothing to be hidden, and each field costs a microsecond.
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            *_renderers(log_format),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,
    )
    _route_libraries(threshold)
    return writer


def _renderers(log_format: LogFormat) -> list[Processor]:
    if log_format == "json":
        return [_to_json]
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        timestamp_key="at",
        exception_formatter=structlog.dev.plain_traceback,
    )
    return [console]


def _to_json(_logger: WrappedLogger, _method: str, event: MutableMapping[str, Any]) -> bytes:
    return orjson.dumps(event, default=_as_text, option=orjson.OPT_NON_STR_KEYS)


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a log line must not fail over what it is about
        return f"unprintable {type(value).__name__}"


def _route_libraries(threshold: int) -> None:
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, _Foreign):
            root.removeHandler(handler)
    root.addHandler(_Foreign())
    root.setLevel(max(threshold, logging.WARNING) if threshold > logging.DEBUG else threshold)
    # Their lines hold the path with its query, and the rows with every statement: numbers, texts.
    for name in ("aiohttp.access", "aiosqlite"):
        logging.getLogger(name).disabled = True
