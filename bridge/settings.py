"""The environment, and `.env` in the working folder, read once into one frozen `Settings`.

Every fault is found before anything starts, each named by its environment variable with what is
expected there. A value that could be a secret is never part of a message.
"""

from __future__ import annotations

import difflib
import io
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from dotenv.parser import parse_stream
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo

from bridge.addresses import (
    MUST_EXIST,
    POSTGRES,
    check_database_url,
    check_origin,
    check_public_url,
    passwords_in,
)
from bridge.carriers.contract import CarrierSettings
from bridge.carriers.registry import CARRIERS
from bridge.errors import UserMistake
from bridge.setting_types import TOKEN, Secret, Token, split_tokens

PREFIX: Final = "BRIDGE_"
MAKE_A_KEY: Final = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"

# Either pair opens Zendesk; half a pair is a fault.
_PAIRS: Final = (
    ("zendesk_client_id", "zendesk_client_secret"),
    ("zendesk_email", "zendesk_api_token"),
)
# "ZENDESK_ULR" is 0.91 like "ZENDESK_URL"; "SERVICE_HOST" like nothing.
_TYPO_LIKENESS: Final = 0.84
# What Kubernetes sets for a service, here one that is called bridge-kannel, say.
_OF_A_PLATFORM: Final = re.compile(r"_(SERVICE_(HOST|PORT.*)|PORT(_[0-9].*)?)$")
_OPENED_QUOTE: Final = re.compile(r"[^=#]+=\s*['\"]")


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _default_public_url(data: dict[str, Any]) -> str:
    host = str(data.get("host", ""))
    return f"http://{f'[{host}]' if ':' in host else host}:{data.get('port', '')}"


_PublicUrl = Annotated[str, AfterValidator(check_public_url)]
_Origin = Annotated[str, AfterValidator(check_origin)]
_DatabaseUrl = Annotated[str, AfterValidator(check_database_url)]
_Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0, le=1_000_000)]

_SECONDS = "seconds: a number above 0, at most 86400"
_LIMIT = "a whole number; 0 means: only as Zendesk's own answers say"


class Settings(BaseModel):
    """Everything an operator sets. `BRIDGE_` plus the upper-cased attribute is the variable.

    The description of each field says what is expected, and is what a fault is told with.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    database_url: _DatabaseUrl = Field(
        "sqlite:///bridge.db",
        repr=False,
        description="sqlite:///FILE, sqlite:////ABSOLUTE/FILE or "
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
    )
    host: str = Field(
        "127.0.0.1",
        pattern=r"^[0-9A-Za-z.:_-]{1,253}$",
        description="the address to listen on, such as 127.0.0.1 or 0.0.0.0",
    )
    port: int = Field(8080, ge=0, le=65535, description="a whole number up to 65535")
    public_url: _PublicUrl = Field(
        default_factory=_default_public_url,
        description="the address under which carriers and Zendesk reach this service, such as "
        "https://sms.example.com",
    )
    secret_key: Secret | None = Field(
        None,
        description=f"characters that nobody can guess; make it with: {MAKE_A_KEY}",
    )
    api_token: Token | None = Field(
        None,
        min_length=8,
        description="8 or more printable characters without blanks that nobody can guess; make it "
        f"with: {MAKE_A_KEY}",
    )

    zendesk_url: _Origin | None = Field(
        None,
        description="an https address such as https://acme.zendesk.com, without a path (plain "
        "http only to this machine itself)",
    )
    zendesk_client_id: str | None = Field(
        None, pattern=r"^[!-~]{1,255}$", description="the OAuth client's unique identifier"
    )
    zendesk_client_secret: Token | None = Field(None, description="the OAuth client's secret")
    zendesk_email: str | None = Field(
        None,
        pattern=r"^[^\s@:/]+@[^\s@:/]+$",
        max_length=254,
        description="the e-mail address of the user whom the API token belongs to",
    )
    zendesk_api_token: Token | None = Field(None, description=TOKEN)
    zendesk_webhook_secret: Token | None = Field(None, description=TOKEN)
    zendesk_updates_per_minute: _Count = Field(100, description=_LIMIT)
    zendesk_updates_per_ticket: _Count = Field(30, description=_LIMIT)

    tickets_from: Literal["subscribers", "not_opted_out", "anyone"] = Field(
        "anyone", description="subscribers, not_opted_out or anyone"
    )
    sweep_interval: _Seconds = Field(60.0, description=_SECONDS)
    http_timeout: _Seconds = Field(10.0, description=_SECONDS)
    retry_base: _Seconds = Field(1.0, description=_SECONDS)
    retry_max: _Seconds = Field(300.0, description=_SECONDS)
    settle_wait: _Seconds = Field(5.0, description=_SECONDS)
    reply_max_age: float = Field(
        3600.0,
        ge=0,
        le=31_536_000,
        allow_inf_nan=False,
        description="seconds: a number from 0 to 31536000 (a year)",
    )

    log_format: Annotated[Literal["json", "console"], BeforeValidator(_lower)] = Field(
        "json", description="json or console"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        Field("info", description="debug, info, warning or error")
    )

    # By name; each from its own variables, so BRIDGE_CARRIERS is none.
    carriers: Mapping[str, CarrierSettings] = Field(default_factory=dict)

    @property
    def uses_postgres(self) -> bool:
        """Whether everything is kept on a PostgreSQL server, not in a SQLite file."""
        return self.database_url.startswith(POSTGRES)

    @property
    def database_path(self) -> Path:
        """The SQLite file, relative to the working folder unless absolute."""
        return Path(self.database_url.removeprefix("sqlite:///").removesuffix(MUST_EXIST))

    @property
    def database_must_exist(self) -> bool:
        """Whether a missing SQLite file is an error rather than a beginning."""
        return self.database_url.endswith(MUST_EXIST) and not self.uses_postgres

    @property
    def secret_values(self) -> tuple[str, ...]:
        """Every secret that is set, for the log's redactor."""
        models = (self, *self.carriers.values())
        secrets = [one for model in models for _, one in model if isinstance(one, SecretStr)]
        whole = [one.get_secret_value() for one in secrets]
        tokens = [token for one in secrets for token in split_tokens(one)]
        named = [token.partition("=")[2] for token in tokens]  # shared keys, as ID=SECRET
        tokens += [secret for secret in named if len(secret) > 3]
        return (*dict.fromkeys([*whole, *tokens]), *passwords_in(self.database_url))


def own_fields() -> dict[str, FieldInfo]:
    """The settings that belong to no carrier."""
    return {name: field for name, field in Settings.model_fields.items() if name != "carriers"}


def variable(attribute: str) -> str:
    """The environment variable behind an attribute of Settings."""
    return PREFIX + attribute.upper()


def carrier_variable(carrier: str, attribute: str) -> str:
    """The environment variable behind an attribute of a carrier's settings."""
    return variable(f"{carrier}_{attribute}")


def load_settings(
    env: Mapping[str, str] | None = None, env_file: str | Path | None = ".env"
) -> Settings:
    """Read the environment (or `env`) over `env_file`; a variable set to nothing counts as unset.

    Raises UserMistake with one line for each fault.
    """
    values = _gather(os.environ if env is None else env, env_file)
    carriers, faults = _read_carriers(values)
    faults += [*_name_faults(values), *_pair_faults(values)]
    known = {name: values[variable(name)] for name in own_fields() if variable(name) in values}
    try:
        settings = Settings.model_validate({**known, "carriers": carriers})
    except ValidationError as error:
        raise UserMistake("\n".join(sorted([*faults, *_value_faults(error)]))) from None
    _refuse(sorted(faults))
    return settings


def _read_carriers(values: Mapping[str, str]) -> tuple[dict[str, CarrierSettings], list[str]]:
    """The accounts that are set: of those at least one setting without a default is there."""
    found: dict[str, CarrierSettings] = {}
    faults: list[str] = []
    for name, spec in CARRIERS.items():
        fields = spec.settings.model_fields
        given = {
            field: values[carrier_variable(name, field)]
            for field in fields
            if carrier_variable(name, field) in values
        }
        needed = [field for field in given if fields[field].is_required()]
        try:
            account = spec.settings.model_validate(given)
        except ValidationError as error:
            faults += _carrier_faults(name, fields, error, needed)
        else:
            found[name] = account
    return found, faults


def _carrier_faults(
    name: str, fields: Mapping[str, FieldInfo], error: ValidationError, needed: list[str]
) -> Iterator[str]:
    seen = set()
    for fault in error.errors():
        field = str(fault["loc"][0]) if fault["loc"] else ""
        if field in seen:
            continue
        seen.add(field)
        if not field:  # several settings do not fit one another; the model says how
            yield f"{PREFIX}{name.upper()}_…: {fault['ctx']['error']}"
        elif fault["type"] != "missing":
            yield f"{carrier_variable(name, field)}: expected {fields[field].description}"
        elif needed:
            because = carrier_variable(name, needed[0])
            yield f"{carrier_variable(name, field)}: missing; expected because {because} is set"


def missing_for_serve(settings: Settings) -> list[str]:
    """A line for each setting that `serve` can't do without and that is not set."""
    missing = list(_missing_for_zendesk(settings))
    if not settings.carriers:
        names = ", ".join(spec.title for spec in CARRIERS.values())
        missing.append(
            f"{carrier_variable('twilio', 'account_sid')}: missing, with "
            f"{carrier_variable('twilio', 'auth_token')}: no carrier is set (there are: {names})"
        )
    return missing


def require_for_serve(settings: Settings) -> None:
    """Check that all that `serve` can't do without is set. Raises UserMistake, a line for each."""
    _refuse(missing_for_serve(settings))


def require_for_zendesk(settings: Settings) -> None:
    """Check that Zendesk can be called and its secrets kept. Raises UserMistake."""
    _refuse([*_missing_for_zendesk(settings)])


def _refuse(faults: list[str]) -> None:
    if faults:
        raise UserMistake("\n".join(faults))


def _missing_for_zendesk(settings: Settings) -> Iterator[str]:
    for attribute in ("secret_key", "zendesk_url"):
        if getattr(settings, attribute) is None:
            expected = Settings.model_fields[attribute].description
            yield f"{variable(attribute)}: missing; expected {expected}"
    if settings.zendesk_client_id is None and settings.zendesk_email is None:
        yield (
            "BRIDGE_ZENDESK_CLIENT_ID: missing, with BRIDGE_ZENDESK_CLIENT_SECRET "
            "(or BRIDGE_ZENDESK_EMAIL with BRIDGE_ZENDESK_API_TOKEN)"
        )


def _gather(env: Mapping[str, str], env_file: str | Path | None) -> dict[str, str]:
    merged = {} if env_file is None else _read_env_file(Path(env_file))
    merged.update(env)
    return {
        name: value.strip()
        for name, value in merged.items()
        if name.startswith(PREFIX) and value.strip()
    }


def _read_env_file(file: Path) -> dict[str, str]:
    """What a file of NAME=VALUE lines sets. Raises UserMistake, without a word of the file."""
    if file.is_dir():  # some keep a virtual environment by this name
        return {}
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserMistake(f"{file} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserMistake(f"{file}, line {line}: expected UTF-8 text") from None
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
        elif binding.key is not None or binding.error:
            whole = binding.original.string
            written = whole.lstrip()  # the empty lines before it are counted as its own
            line = binding.original.line + whole.count("\n") - written.count("\n")
            quoted = _OPENED_QUOTE.match(written)
            wanted = "a quote that ends with the value" if quoted else "NAME=VALUE, or a # remark"
            raise UserMistake(f"{file}, line {line}: expected {wanted}")
    return found


def _names() -> list[str]:
    """Every variable that means something."""
    carriers = [
        carrier_variable(name, field)
        for name, spec in CARRIERS.items()
        for field in spec.settings.model_fields
    ]
    return [*map(variable, own_fields()), *carriers]


def _name_faults(values: Mapping[str, str]) -> Iterator[str]:
    """Unknown names that look like a slip, or like a carrier's setting.

    Other unknown names are let be: a container platform sets BRIDGE_SERVICE_HOST and the like.
    """
    known = _names()
    for name in values:
        if name in known:
            continue
        near = _nearest(name, known)
        if near is not None:
            yield f"{name}: there is no such setting; did you mean {near}?"
        elif (carrier := _carrier_of(name)) is not None and not _OF_A_PLATFORM.search(name):
            its = ", ".join(one for one in known if one.startswith(f"{PREFIX}{carrier.upper()}_"))
            yield f"{name}: there is no such setting of {CARRIERS[carrier].title} ({its})"


def _carrier_of(name: str) -> str | None:
    return next((one for one in CARRIERS if name.startswith(f"{PREFIX}{one.upper()}_")), None)


def _nearest(name: str, known: list[str]) -> str | None:
    stems = {one.removeprefix(PREFIX): one for one in known}
    found = difflib.get_close_matches(name.removeprefix(PREFIX), stems, n=1, cutoff=_TYPO_LIKENESS)
    return stems[found[0]] if found else None


def _pair_faults(values: Mapping[str, str]) -> Iterator[str]:
    for pair in _PAIRS:
        names = [variable(name) for name in pair]
        present = [name for name in names if name in values]
        if len(present) == 1:
            (absent,) = set(names) - set(present)
            yield f"{absent}: missing; expected because {present[0]} is set"


def _value_faults(error: ValidationError) -> Iterator[str]:
    for name in dict.fromkeys(str(fault["loc"][0]) for fault in error.errors() if fault["loc"]):
        if name == "public_url" and _is_follow_up(error):
            continue
        yield f"{variable(name)}: expected {Settings.model_fields[name].description}"


def _is_follow_up(error: ValidationError) -> bool:
    """Whether the default of the public URL failed only because another setting did."""
    return any(fault["type"] == "default_factory_not_called" for fault in error.errors())
