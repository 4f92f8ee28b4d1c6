from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.carriers.registry import CARRIERS
from bridge.carriers.twilio import TwilioSettings
from bridge.errors import UserMistake
from bridge.setting_types import split_tokens
from bridge.settings import (
    Settings,
    carrier_variable,
    load_settings,
    require_for_serve,
    require_for_zendesk,
    variable,
)
from tests.carriers.kits.every import KITS

COMPLETE = {
    "BRIDGE_SECRET_KEY": "k" * 32,
    "BRIDGE_ZENDESK_URL": "https://acme.zendesk.com",
    "BRIDGE_ZENDESK_CLIENT_ID": "bridge",
    "BRIDGE_ZENDESK_CLIENT_SECRET": "client-secret-value",
    "BRIDGE_TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "BRIDGE_TWILIO_AUTH_TOKEN": "twilio-token-value",
}


ACCOUNT = {"twilio_account_sid": "AC1", "twilio_auth_token": "twilio-token-value"}


def twilio_of(settings: Settings) -> TwilioSettings:
    account = settings.carriers["twilio"]
    assert isinstance(account, TwilioSettings)
    return account


def load(**env: str) -> Settings:
    return load_settings({variable(name): value for name, value in env.items()}, None)


def faults_of(**env: str) -> list[str]:
    with pytest.raises(UserMistake) as caught:
        load(**env)
    return str(caught.value).splitlines()


def test_defaults_are_those_that_are_documented() -> None:
    settings = load()

    assert settings.database_path == Path("bridge.db")
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.carriers == {}
    assert settings.tickets_from == "anyone"
    assert (settings.sweep_interval, settings.http_timeout) == (60, 10)
    assert (settings.retry_base, settings.retry_max) == (1, 300)
    assert (settings.settle_wait, settings.reply_max_age) == (5, 3600)
    assert (settings.zendesk_updates_per_minute, settings.zendesk_updates_per_ticket) == (100, 30)
    assert (settings.log_format, settings.log_level) == ("json", "info")


@pytest.mark.parametrize(
    ("host", "expected"),
    [("0.0.0.0", "http://0.0.0.0:9000"), ("::1", "http://[::1]:9000")],
    ids=["ipv4", "ipv6"],
)
def test_public_url_follows_host_and_port(host: str, expected: str) -> None:
    assert load(host=host, port="9000").public_url == expected


def test_addresses_lose_their_last_slash() -> None:
    settings = load(
        public_url="https://sms.example.com/bridge/",
        zendesk_url="https://acme.zendesk.com/",
        zendesk_email="me@example.com",
        zendesk_api_token="t",
    )

    assert settings.public_url == "https://sms.example.com/bridge"
    assert settings.zendesk_url == "https://acme.zendesk.com"


def test_an_absolute_database_path_stays_absolute() -> None:
    assert load(database_url="sqlite:////var/lib/bridge.db").database_path == Path(
        "/var/lib/bridge.db"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "postgres://localhost/bridge"),
        ("database_url", "postgresql://bridge:two words@localhost/bridge"),
        ("database_url", "sqlite://"),
        ("database_url", "sqlite:///:memory:"),
        ("host", "two words"),
        ("port", "65536"),
        ("port", "http"),
        ("public_url", "sms.example.com"),
        ("public_url", "ftp://example.com"),
        ("public_url", "https://user:word@example.com"),
        ("public_url", "https://example.com/?x=1"),
        ("public_url", "https://example.com:port"),
        ("api_token", "two words"),
        ("api_token", "7-signs"),
        ("api_token", "..."),
        ("secret_key", "..."),
        ("secret_key", "…"),
        ("zendesk_webhook_secret", "..."),
        ("zendesk_url", "http://acme.zendesk.com"),
        ("zendesk_url", "https://acme.zendesk.com/agent"),
        ("tickets_from", "everyone"),
        ("sweep_interval", "0"),
        ("sweep_interval", "-1"),
        ("http_timeout", "nan"),
        ("retry_base", "inf"),
        ("retry_max", "0"),
        ("settle_wait", "soon"),
        ("reply_max_age", "-1"),
        ("zendesk_updates_per_minute", "-1"),
        ("zendesk_updates_per_ticket", "2.5"),
        ("log_format", "xml"),
        ("log_level", "loud"),
    ],
)
def test_a_faulty_value_is_told_by_its_variable_with_what_is_expected(
    name: str, value: str
) -> None:
    (fault,) = faults_of(**{name: value})

    expected = Settings.model_fields[name].description
    assert fault == f"{variable(name)}: expected {expected}"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "http://localhost:1", "http://[::1]:1"])
def test_plain_http_reaches_this_machine_only(url: str) -> None:
    pair = {"zendesk_email": "me@example.com", "zendesk_api_token": "t"}

    settings = load(zendesk_url=url, twilio_api_url=url, **ACCOUNT, **pair)

    assert (settings.zendesk_url, twilio_of(settings).api_url) == (url, url)


def test_every_fault_is_told_at_once() -> None:
    faults = faults_of(
        port="x",
        host="a b",
        zendesk_ulr="https://acme.zendesk.com",
        zendesk_email="me@example.com",
        twilio_auth_token="a,b,c",
        twilio_token="secret",
        retry_base="400",
    )

    assert [fault.partition(":")[0] for fault in faults] == [
        "BRIDGE_HOST",
        "BRIDGE_PORT",
        "BRIDGE_TWILIO_ACCOUNT_SID",
        "BRIDGE_TWILIO_AUTH_TOKEN",
        "BRIDGE_TWILIO_TOKEN",
        "BRIDGE_ZENDESK_API_TOKEN",
        "BRIDGE_ZENDESK_ULR",
    ]


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("zendesk_ulr", "BRIDGE_ZENDESK_URL"),
        ("databse_url", "BRIDGE_DATABASE_URL"),
        ("ticket_from", "BRIDGE_TICKETS_FROM"),
        ("log_levl", "BRIDGE_LOG_LEVEL"),
        ("retry_maximum", None),
        # What a container platform sets for a service of this name.
        ("service_host", None),
        ("service_port", None),
        ("port_8080_tcp_addr", None),
        ("twilio_service_host", None),
        ("twilio_port_8080_tcp", None),
    ],
)
def test_a_slip_in_a_name_is_pointed_out_and_other_names_are_let_be(
    slip: str, meant: str | None
) -> None:
    if meant is None:
        load(**{slip: "x"})
        return

    (fault,) = faults_of(**{slip: "x"})

    assert fault == f"{variable(slip)}: there is no such setting; did you mean {meant}?"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_no_setting_of_a_carrier_is_refused_with_those_that_are(carrier: str) -> None:
    (fault,) = faults_of(**{f"{carrier}_nonsense": "x"})

    name = carrier_variable(carrier, "nonsense")
    assert fault.startswith(f"{name}: there is no such setting of {CARRIERS[carrier].title} (")
    assert carrier_variable(carrier, "api_url") in fault


@pytest.mark.parametrize("carrier", CARRIERS)
def test_half_an_account_is_told_with_what_is_missing(carrier: str) -> None:
    fields = CARRIERS[carrier].settings.model_fields
    first, *others = [name for name, field in fields.items() if field.is_required()]

    account = next(kit.settings for kit in KITS if kit.carrier == carrier)
    faults = faults_of(**{f"{carrier}_{first}": account[first.upper()]})

    because = carrier_variable(carrier, first)
    assert faults == sorted(
        f"{carrier_variable(carrier, name)}: missing; expected because {because} is set"
        for name in others
    )


@pytest.mark.parametrize("carrier", CARRIERS)
def test_an_address_alone_sets_up_no_account_and_a_faulty_one_is_told(carrier: str) -> None:
    assert load(**{f"{carrier}_api_url": "https://api.example.com"}).carriers == {}

    (fault,) = faults_of(**{f"{carrier}_api_url": "http://example.com"})

    expected = CARRIERS[carrier].settings.model_fields["api_url"].description
    assert fault == f"{carrier_variable(carrier, 'api_url')}: expected {expected}"


def test_no_secret_stands_in_a_fault_or_in_the_settings_as_text() -> None:
    secrets = {
        "secret_key": "super hidden",
        "api_token": "super hidden",
        "zendesk_api_token": "super hidden",
        "twilio_auth_token": "super hidden",
    }

    assert "hidden" not in "\n".join(faults_of(**secrets))

    settings = load_settings({**COMPLETE, "BRIDGE_API_TOKEN": "api-token-value"}, None)
    assert "-value" not in f"{settings!r} {settings}"
    assert "k" * 32 not in repr(settings)
    assert set(settings.secret_values) >= {
        "api-token-value",
        "client-secret-value",
        "twilio-token-value",
        "k" * 32,
    }


def test_two_auth_tokens_may_stand_beside_each_other_while_one_is_rotated() -> None:
    settings = load(twilio_account_sid="AC1", twilio_auth_token="old-one, new-one")

    assert split_tokens(twilio_of(settings).auth_token) == ("old-one", "new-one")
    assert {"old-one", "new-one"} <= set(settings.secret_values)


def test_a_variable_set_to_nothing_counts_as_unset() -> None:
    assert load(port="", api_token=" ").api_token is None


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('BRIDGE_PORT=9001\nBRIDGE_LOG_LEVEL="DEBUG"\nOTHER=$x\n')

    settings = load_settings({"BRIDGE_PORT": "9002"}, file)

    assert (settings.port, settings.log_level) == (9002, "debug")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("garbage", "1: expected NAME=VALUE, or a # remark"),
        ("\n# x\n\n  BRIDGE_PORT 9001\n", "4: expected NAME=VALUE, or a # remark"),
        ("=9001", "1: expected NAME=VALUE, or a # remark"),
        ("X=1\r\nBRIDGE_HOST='::1\r\nY=2\r\n", "2: expected a quote that ends with the value"),
        ('X="a b" c', "1: expected a quote that ends with the value"),
        (b"X=1\nY=\xe9\n", "2: expected UTF-8 text"),
        ("X=1".encode("utf-16"), "1: expected UTF-8 text"),
    ],
    ids=["word", "blank", "no name", "open quote", "after quote", "latin-1", "utf-16"],
)
def test_a_line_that_sets_nothing_is_told_by_its_number(
    tmp_path: Path, content: str | bytes, fault: str
) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content.encode() if isinstance(content, str) else content)

    with pytest.raises(UserMistake) as caught:
        load_settings({}, file)

    assert str(caught.value) == f"{file}, line {fault}"


def test_the_file_may_hold_all_that_such_files_hold(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    lines = "\ufeff# one\r\n\r\nexport BRIDGE_PORT = 9001 # two\nOTHER=\nX='a\nb'\n  "
    file.write_bytes(lines.encode())

    assert load_settings({}, file).port == 9001


def test_a_folder_by_the_files_name_is_let_be(tmp_path: Path) -> None:
    assert load_settings({}, tmp_path).port == 8080
    assert load_settings({}, tmp_path / "none").port == 8080


def test_the_environment_of_the_process_and_the_working_folder_are_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("BRIDGE_PORT=9003\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BRIDGE_LOG_FORMAT", "console")

    settings = load_settings()

    assert (settings.port, settings.log_format) == (9003, "console")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(load(), "port", 1)  # noqa: B010 - mypy forbids the plain way as well


def test_serve_names_all_that_it_misses() -> None:
    with pytest.raises(UserMistake) as caught:
        require_for_serve(load())

    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "BRIDGE_SECRET_KEY",
        "BRIDGE_ZENDESK_URL",
        "BRIDGE_ZENDESK_CLIENT_ID",
        "BRIDGE_TWILIO_ACCOUNT_SID",
    ]


def test_serve_takes_either_way_of_logging_in() -> None:
    by_token = {name: value for name, value in COMPLETE.items() if "ZENDESK_CLIENT" not in name} | {
        "BRIDGE_ZENDESK_EMAIL": "me@example.com",
        "BRIDGE_ZENDESK_API_TOKEN": "t",
    }

    require_for_serve(load_settings(COMPLETE, None))
    require_for_serve(load_settings(by_token, None))


def test_work_on_zendesk_needs_no_carrier() -> None:
    without_carrier = {name: v for name, v in COMPLETE.items() if "TWILIO" not in name}

    require_for_zendesk(load_settings(without_carrier, None))
    with pytest.raises(UserMistake, match="BRIDGE_TWILIO_ACCOUNT_SID: missing"):
        require_for_serve(load_settings(without_carrier, None))
    with pytest.raises(UserMistake, match="BRIDGE_ZENDESK_URL: missing"):
        require_for_zendesk(load(secret_key="k" * 32))
