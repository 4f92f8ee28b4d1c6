"""The PostgreSQL server behind the store: how it is reached, checked and brought up to date."""

from __future__ import annotations

from typing import Any, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bridge.errors import UserMistake
from bridge.store.migrations import Migration, read_migrations, steps_to_go

Connection = psycopg.Connection[Any]

LONGEST_RUN_MS = 8_000  # of one statement: a carrier waits 15 s for its answer
MIGRATION_LOCK = 7_564_147  # one process migrates, the others wait
NOW = "cast(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
NOTE_STEP = f"INSERT INTO migrations VALUES (%s, %s, {NOW})"  # noqa: S608 - all of it is ours

KEEP_META = (
    "INSERT INTO meta (name, value) VALUES (%s, %s) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
SERVER = (
    "SELECT system_identifier || '/' || timeline_id "
    "FROM pg_control_system(), pg_control_checkpoint()"
)

# A network that swallows packets is noticed within ten seconds; what the URL says goes before.
DEFAULTS = {
    "application_name": "bridge",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
# Reading a small table from end to end would be cheaper, and would bring every other writer into
# our way: what was read is what a serialisable transaction depends on.
SET_UP = (
    f"SET statement_timeout = {LONGEST_RUN_MS}; "
    "SET idle_in_transaction_session_timeout = 60000; SET enable_seqscan = off; SET jit = off"
)


def connect(url: str) -> Connection:
    """A connection that commits what it is told to, when it is told to."""
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(cast("Any", SET_UP))
    return connection


def with_defaults(url: str) -> str:
    """The URL as the driver takes it, with our time limits. Raises UserMistake."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # Its words repeat the URL, and with it the password.
        raise UserMistake(
            "BRIDGE_DATABASE_URL: expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from None
    return make_conninfo("", **{**DEFAULTS, **{k: v for k, v in given.items() if v is not None}})


def check_durability(connection: Connection) -> None:
    """Make sure that what is committed survives a power cut. Raises UserMistake."""
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        row = connection.execute(cast("Any", f"SHOW {name}")).fetchone()
        if row is None or row[0] == "off":
            raise UserMistake(
                f"BRIDGE_DATABASE_URL: this server runs with {name} = off, so it can lose what it "
                "has acknowledged; set it to on"
            )


def migrate(connection: Connection) -> str:
    """Bring the schema up to date, one process at a time. Returns the schema's name."""
    schema = str(_only(connection, "SELECT current_schema()"))
    lock = f"{MIGRATION_LOCK}, hashtext(current_schema())"
    connection.execute("SET statement_timeout = 0")  # a big table takes its time
    connection.execute(cast("Any", f"SELECT pg_advisory_lock({lock})"))
    try:
        with connection.transaction():
            done: set[int] = set()
            if _only(connection, "SELECT to_regclass('migrations')") is not None:
                done = {row[0] for row in connection.execute("SELECT number FROM migrations")}
            for step in steps_to_go(read_migrations("postgres"), done):
                _apply(connection, step)
            _note_place(connection)
    finally:
        if not connection.closed:
            connection.execute(cast("Any", f"SELECT pg_advisory_unlock({lock})"))
            connection.execute(SET_UP)
    return schema


def _note_place(connection: Connection) -> None:
    """Notice where the tables are others than those that were written to: a dump was restored
    (they are new then), or the server went back, or took over with less than all (it counts its
    timelines)."""
    oid = _only(connection, "SELECT to_regclass('meta')::oid")
    try:
        with connection.transaction():
            server = _only(connection, SERVER)
    except psycopg.Error:  # some hosts keep this to themselves
        server = ""
    place = f"{server}/{oid}"
    known = _only(connection, "SELECT value FROM meta WHERE name = 'place'")
    if place == known:
        return
    connection.execute(KEEP_META, ("place", place))
    if known is not None:
        connection.execute(KEEP_META, ("restored", "{}"))


def _apply(connection: Connection, step: Migration) -> None:
    for statement in step.statements:
        connection.execute(cast("Any", statement))
    connection.execute(cast("Any", NOTE_STEP), (step.number, step.name))


def _only(connection: Connection, sql: str) -> Any:  # noqa: ANN401 - whatever the column holds
    row = connection.execute(cast("Any", sql)).fetchone()
    return None if row is None else row[0]


def words_of(error: BaseException) -> str:
    """What an error says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
