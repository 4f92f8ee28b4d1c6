"""What the documentation says holds: names, defaults, examples, links."""

from __future__ import annotations

import ast
import json
import re
import shlex
from typing import get_args

import click
import pytest
from _pytest.mark import ParameterSet
from pydantic import BaseModel

from bridge.app import Service
from bridge.carriers.registry import CARRIERS as SPECS
from bridge.carriers.registry import answered_words
from bridge.carriers.twilio_errors import ERRORS
from bridge.cli.main import cli
from bridge.domain import templates, words
from bridge.domain.directory import (
    AutoReply,
    Document,
    Hours,
    KeywordEntry,
    List,
    Sender,
    Template,
    Texts,
)
from bridge.domain.settings_file import parse
from bridge.metrics import Metrics
from bridge.settings import carrier_variable, load_settings, own_fields, variable
from bridge.web.admin import ROUTES as CONSOLE_ROUTES
from bridge.web.api import schemas
from tests.docs import carriers, commands
from tests.docs.pages import ROOT, Block, Page, every_page, rows
from tests.faults import mutations

PAGES = every_page()
OPERATIONS, API, FILE, TWILIO, RELIABILITY, ARCHITECTURE, CONSOLE = (
    PAGES[f"docs/{name}.md"]
    for name in (
        *("operations", "api", "settings-file", "carriers/twilio", "reliability", "architecture"),
        "console",
    )
)
CARRIERS = answered_words()
EVERY_PAGE = [pytest.param(page, id=name) for name, page in PAGES.items()]


def examples(language: str) -> list[ParameterSet]:
    """Every block of code in this language, of which there has to be one."""
    found = [
        pytest.param(block, id=f"{page.name}-{number}")
        for page in PAGES.values()
        for number, block in enumerate(page.blocks)
        if block.language == language
    ]
    assert found, f"no example in {language}"
    return found


PLACEHOLDER = re.compile(r"[A-Z]{4}")  # "bridge/carriers/NAME.py"


def shown_default(name: str) -> str:
    if name == "public_url":
        return "http://HOST:PORT"
    return shown(own_fields()[name].default)


def shown(default: object) -> str:
    if default is None:
        return "–"
    return f"{default:g}" if isinstance(default, float) else str(default)


def test_every_setting_is_listed_with_its_default() -> None:
    listed = {row[0]: row[1] for row in rows(OPERATIONS.under("## Settings"))}

    assert listed == {variable(name): shown_default(name) for name in own_fields()}


@pytest.mark.parametrize("name", SPECS)
def test_every_setting_of_a_carrier_is_on_its_page(name: str) -> None:
    page = PAGES[f"docs/carriers/{name}.md"]
    listed = {row[0]: row[1] for row in rows(page.under("## Settings"))}

    fields = SPECS[name].settings.model_fields
    assert listed == {
        carrier_variable(name, field): "required" if told.is_required() else shown(told.default)
        for field, told in fields.items()
    }
    assert f"(carriers/{name}.md#settings)" in OPERATIONS.text


def test_the_matrix_of_carriers_is_what_their_files_declare() -> None:
    assert PAGES["docs/carriers/matrix.md"].text == carriers.page()


def test_every_test_that_the_matrix_names_exists() -> None:
    proofs = [row.test.partition("::") for row in carriers.ROWS]

    assert [name for path, _, name in proofs if name and name not in functions_in(path)] == []
    assert set(carriers.CHECKED_BY) == set(SPECS)


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert PAGES["docs/commands.md"].text == commands.page()


def metric_names() -> set[str]:
    rendered = Metrics().render().decode()
    return set(re.findall(r"^# TYPE (bridge_\w+)", rendered, re.MULTILINE))


def test_every_metric_is_listed() -> None:
    listed = {row[0] for row in rows(OPERATIONS.under("## Metrics"))}

    assert listed == {name for name in metric_names() if not name.endswith("_created")}


def served_routes() -> set[tuple[str, str]]:
    environment = {
        "BRIDGE_ZENDESK_URL": "https://acme.zendesk.com",
        "BRIDGE_ZENDESK_EMAIL": "me@example.com",
        "BRIDGE_ZENDESK_API_TOKEN": "t",
    }
    service = Service(load_settings(environment, env_file=None))
    return {
        (route.method, route.resource.canonical)
        for route in service.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }


def test_every_route_is_listed() -> None:
    listed = {
        (method, row[1])
        for row in rows(API.under("## Every address"))
        for method in row[0].split(", ")
    }

    assert listed == {one for one in served_routes() if not one[1].startswith("/admin")}


def test_every_address_of_the_console_is_listed_with_who_may_have_it() -> None:
    listed = {
        (method, row[1], row[2])
        for row in rows(CONSOLE.under("## Every address"))
        for method in row[0].split(", ")
    }

    assert listed == {(route.method, route.path, route.needs) for route in CONSOLE_ROUTES}


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("## senders", Sender),
        ("### texts", Texts),
        ("## lists", List),
        ("## keywords", KeywordEntry),
        ("## hours", Hours),
        ("## auto_replies", AutoReply),
        ("## templates", Template),
    ],
)
def test_every_key_of_the_settings_file_is_listed(heading: str, model: type[Document]) -> None:
    own = FILE.under(heading).partition("\n###")[0] if heading.startswith("## ") else None
    listed = {row[0] for row in rows(own or FILE.under(heading))}

    assert listed == set(model.model_fields)


def test_every_placeholder_is_listed() -> None:
    listed = {row[0].strip("{} ") for row in rows(FILE.under("### placeholders"))}

    assert {one.replace(".size", ".…") for one in listed} == set(templates.PLACEHOLDERS)


@pytest.mark.parametrize("values", [schemas.Verdict, schemas.State], ids=["verdicts", "states"])
def test_every_verdict_and_state_is_explained(values: object) -> None:
    explained = {name for row in rows(API.text) for name in row[0].split(", ")}

    assert set(get_args(values)) <= explained


def test_standard_words_are_those_that_are_understood() -> None:
    listed = {
        (row[0], words._squeeze(word))
        for row in rows(FILE.under("## Standard words"))
        for word in row[1].split(", ")
    }

    assert listed == {(cls, squeezed) for squeezed, (cls, _) in words._CLASS_OF.items()}


def test_words_that_twilio_answers_are_listed() -> None:
    listed = {row[0]: set(row[1].split(", ")) for row in rows(TWILIO.under("## Who answers STOP"))}

    assert listed == {cls: set(said) for cls, said in CARRIERS["twilio"]["long_code"].items()}


def test_error_codes_are_listed_by_what_they_mean() -> None:
    listed = {
        (row[0], code)
        for row in rows(TWILIO.under("## Error codes"))
        for code in row[1].split(", ")
    }

    assert listed == {(error.trouble, code) for code, error in ERRORS.items()}


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_relative_link_leads_somewhere(page: Page) -> None:
    lost = []
    for link in page.links:
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (ROOT / page.name).parent / path if path else ROOT / page.name
        name = str(target.resolve().relative_to(ROOT))
        known = name in PAGES and (not anchor or anchor in PAGES[name].anchors)
        if not (known or (target.exists() and not anchor)):
            lost.append(link)

    assert lost == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_every_file_that_is_named_exists(page: Page) -> None:
    named = [
        word.rstrip("/") for word in page.code if re.match(r"(bridge|tests|docs|deploy)/", word)
    ]
    paths = [word.partition("::")[0] for word in named if not re.search(r"[A-Z]{4}| ", word)]

    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_five_questions_are_answered() -> None:
    answered = " ".join(row[0] for row in rows(ARCHITECTURE.under("## Where to look for what")))

    for subject in ("signature", "verdict", "ticket", "reply split", "SQL"):
        assert subject in answered


def functions_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_test_that_is_named_as_proof_exists() -> None:
    proofs = [word.partition("::") for word in RELIABILITY.code if "::" in word]

    assert len(proofs) > 20
    assert [name for path, _, name in proofs if name not in functions_in(path)] == []


def test_the_table_of_mechanisms_is_the_one_that_is_tried() -> None:
    shown = RELIABILITY.under("## Each mechanism is missed when it is gone")

    assert shown.rstrip().endswith(mutations.page().rstrip())


@pytest.mark.parametrize("block", examples("toml"))
def test_examples_of_the_settings_file_can_be_imported(block: Block) -> None:
    file = parse(block.text, CARRIERS)

    assert file.senders or file.lists or file.keywords


@pytest.mark.parametrize("block", examples("json"))
def test_examples_of_json_have_the_shape_they_are_said_to_have(block: Block) -> None:
    shown = json.loads(block.text)

    if block.label is not None:
        model: type[BaseModel] = getattr(schemas, block.label)
        model.model_validate(shown)
        if issubclass(model, schemas.Shown) and model is not schemas.Problem:
            assert set(shown) == set(model.model_fields)


def commands_in(block: Block) -> list[list[str]]:
    lines = block.text.replace("\\\n", " ").splitlines()
    split = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in split if line and line[0] in {"bridge", ".venv/bin/bridge"}]


def fault_of(line: list[str]) -> str | None:
    """What of a line the command doesn't know."""
    command: click.Command = cli
    rest = list(line)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return name
        command = command.commands[name]
    known = {option for param in command.params for option in param.opts} | {"-h", "--help"}
    unknown = (word for word in rest if word.startswith("-") and word[1:] and word not in known)
    return next(unknown, None)


@pytest.mark.parametrize("block", examples("sh"))
def test_commands_in_examples_exist(block: Block) -> None:
    assert [fault for line in commands_in(block) if (fault := fault_of(line))] == []


def test_every_event_of_the_log_is_listed() -> None:
    listed = {name for row in rows(OPERATIONS.under("## Logs")) for name in row[0].split(", ")}
    event = re.compile(r'\blog\.(?:info|warning|error|exception|critical)\(\s*"([\w.]+)"')
    sources = [path for path in (ROOT / "bridge").rglob("*.py") if "sandbox" not in path.parts]
    said = {name for path in sources for name in event.findall(path.read_text(encoding="utf-8"))}

    assert listed == said
