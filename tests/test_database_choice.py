"""Which engine is opened goes by BRIDGE_DATABASE_URL."""

from __future__ import annotations

import sys

import pytest

from bridge.clock import SystemClock
from bridge.databases import open_database
from bridge.errors import UserMistake
from bridge.settings import load_settings
from bridge.store.postgres import PostgresDatabase
from bridge.store.sqlite import SqliteDatabase

ON_SERVER = {"BRIDGE_DATABASE_URL": "postgresql://bridge:hunter%232@db.invalid/bridge"}


@pytest.mark.parametrize(
    ("environment", "engine"),
    [({}, SqliteDatabase), (ON_SERVER, PostgresDatabase)],
    ids=["nothing set", "a server"],
)
def test_the_url_chooses_the_engine(environment: dict[str, str], engine: type) -> None:
    settings = load_settings(environment, env_file=None)

    assert type(open_database(settings, SystemClock())) is engine


def test_without_the_driver_the_operator_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "bridge.store.postgres")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    settings = load_settings(ON_SERVER, env_file=None)

    with pytest.raises(UserMistake, match=r"^BRIDGE_DATABASE_URL: .*sms-ticket-bridge\[postgres\]"):
        open_database(settings, SystemClock())


def test_the_password_in_the_url_is_a_secret() -> None:
    settings = load_settings(ON_SERVER, env_file=None)

    assert "hunter" not in repr(settings)
    assert {"hunter%232", "hunter#2"} <= set(settings.secret_values)
