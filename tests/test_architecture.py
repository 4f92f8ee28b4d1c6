"""The house's rules that a syntax tree can check: who imports whom, sizes, and a few manners.

A new room under `bridge/` needs a line in MAY_IMPORT, or the build fails.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Small modules without dependencies of their own, open to every room above the domain.
GROUND = ("bridge.errors", "bridge.clock", "bridge.ids", "bridge.logs", "bridge.metrics")
CONTRACTS = ("bridge.carriers.contract", "bridge.desks.contract", "bridge.work.outcomes")
CARRIERS = ("bridge.carriers.contract", "bridge.carriers.registry")
FLOW = (*GROUND, *CONTRACTS, "bridge.domain", "bridge.store", "bridge.ticketing")
FAR_SIDES = ("bridge.carriers", "bridge.desks", "bridge.http")
BELOW_WEB = (
    *GROUND,
    *FAR_SIDES,
    "bridge.current",
    "bridge.fetching",
    "bridge.domain",
    "bridge.inbound",
    "bridge.invitations",
    "bridge.outbound",
    "bridge.secrets",
    "bridge.settings",
    "bridge.sign_on",
    "bridge.store",
    "bridge.ticketing",
    "bridge.work",
)

# What each room or root module may import of ours, besides itself.
MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    "bridge": (),
    "bridge.errors": (),
    "bridge.clock": (),
    "bridge.ids": (),
    "bridge.logs": ("bridge.errors",),
    "bridge.metrics": ("bridge.errors",),
    "bridge.secrets": ("bridge.errors",),
    "bridge.addresses": (),
    "bridge.setting_types": ("bridge.addresses",),
    # Each carrier declares its own settings.
    "bridge.settings": (
        "bridge.errors",
        "bridge.addresses",
        "bridge.env_file",
        "bridge.setting_types",
        *CARRIERS,
    ),
    "bridge.env_file": ("bridge.errors",),
    "bridge.invitations": ("bridge.errors", "bridge.secrets", "bridge.store"),
    "bridge.http": ("bridge.errors",),
    "bridge.fetching": ("bridge.errors",),
    "bridge.sign_on": ("bridge.errors", "bridge.http", "bridge.secrets"),
    "bridge.domain": ("bridge.errors",),
    "bridge.store": (*GROUND, "bridge.domain"),
    "bridge.current": (*GROUND, "bridge.domain", "bridge.store"),
    "bridge.databases": (*GROUND, "bridge.settings", "bridge.store"),
    "bridge.carriers": (*GROUND, "bridge.domain", "bridge.http", "bridge.setting_types"),
    "bridge.desks": (*GROUND, "bridge.domain", "bridge.http"),
    "bridge.ticketing": (*GROUND, *CONTRACTS, "bridge.domain", "bridge.store"),
    # An answer to a keyword is an outgoing text like any other: inbound puts it where replies wait.
    "bridge.inbound": (*FLOW, "bridge.outbound.compose", "bridge.fetching"),
    "bridge.outbound": (*FLOW, "bridge.fetching"),
    "bridge.work": (*GROUND, "bridge.domain", "bridge.store"),
    # A text or a report that a sweep found goes the way of any other.
    "bridge.sweeps": (*FLOW, "bridge.inbound", "bridge.outbound.track"),
    "bridge.web": BELOW_WEB,
    "bridge.workers": (*BELOW_WEB, "bridge.sweeps"),
    # After a restore nothing leaves before the sweeps are through.
    "bridge.restoring": (*GROUND, "bridge.domain", "bridge.store", "bridge.work"),
    "bridge.tallying": ("bridge.store",),
    "bridge.app": (
        *BELOW_WEB,
        "bridge.databases",
        "bridge.restoring",
        "bridge.sweeps",
        "bridge.tallying",
        "bridge.web",
        "bridge.workers",
    ),
    "bridge.process": (*BELOW_WEB, "bridge.app"),
    "bridge.provisioning": BELOW_WEB,
    "bridge.doctor": (*BELOW_WEB, "bridge.app", "bridge.databases", "bridge.provisioning"),
    "bridge.sandbox": (
        *BELOW_WEB,
        "bridge.web",
        "bridge.app",
        "bridge.databases",
        "bridge.provisioning",
    ),
    "bridge.cli": (
        *BELOW_WEB,
        "bridge.web",
        "bridge.app",
        "bridge.databases",
        "bridge.doctor",
        "bridge.process",
        "bridge.provisioning",
        "bridge.sandbox",
    ),
    "bridge.__main__": ("bridge.cli",),
}

# Libraries that only some rooms may touch: HTTP, SQL, and in the domain nothing that waits,
# reads a clock or opens a file.
KEPT_TO: Mapping[str, tuple[str, ...]] = {
    "aiohttp": (
        "bridge.http",
        "bridge.fetching",
        "bridge.web",
        "bridge.app",
        "bridge.sandbox",
        "bridge.cli",
    ),
    "aiohttp_sse": ("bridge.web", "bridge.sandbox"),
    "aiosqlite": ("bridge.store",),
    "sqlite3": ("bridge.store",),
    "click": ("bridge.cli",),
    "psycopg": ("bridge.store",),
}
NOT_IN_DOMAIN = frozenset(
    {"asyncio", "logging", "os", "pathlib", "random", "secrets", "socket", "structlog", "time"}
    | {"prometheus_client", "pydantic_settings", "ssl", "subprocess", "threading"}
)

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
HEAVY = ("cryptography", "jwt", "bridge.sandbox")  # loaded where they are used, if ever
FORBIDDEN_NAMES = ("utils", "util", "helpers", "helper", "common", "manager", "base", "misc")
SECRET_WORDS = ("signature", "digest", "hmac")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file: its dotted name, its path from the root, and its tree."""

    name: str
    path: str
    source: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return ".".join(self.name.split(".")[:2])


def read_module(name: str, path: str, source: str) -> Module:
    return Module(name=name, path=path, source=source, tree=ast.parse(source, path))


def modules_under(folder: str) -> dict[str, Module]:
    found = {}
    for file in sorted((ROOT / folder).rglob("*.py")):
        path = file.relative_to(ROOT)
        if any(part.startswith(".") for part in path.parts):
            continue
        parts = path.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = read_module(name, str(path), file.read_text(encoding="utf-8"))
    return found


OURS = modules_under("bridge")
TESTS = modules_under("tests")


def imports_of(module: Module, known: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Each import as (line, dotted name); `from a import b` is a.b where that is a module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield node.lineno, inner if inner in known else node.module


def belongs(name: str, rooms: Iterable[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def forbidden_imports(module: Module, known: Iterable[str]) -> Iterator[str]:
    """Imports that cross a border between rooms, or reach for a library kept to others."""
    allowed = MAY_IMPORT.get(module.room)
    if allowed is None:
        yield f"{module.path}: {module.room} has no line in MAY_IMPORT"
        return
    for line, name in imports_of(module, known):
        place = f"{module.path}:{line}: {name}"
        library = name.partition(".")[0]
        if library == "bridge" and name != "bridge" and not belongs(name, (module.room, *allowed)):
            yield f"{place} may not be imported by {module.room}"
        if library in KEPT_TO and not belongs(module.name, KEPT_TO[library]):
            yield f"{place} is kept to {', '.join(KEPT_TO[library])}"
        if module.room == "bridge.domain" and library in NOT_IN_DOMAIN:
            yield f"{place}: the domain decides, it does nothing"


def waiting_in_domain(module: Module) -> Iterator[str]:
    if module.room == "bridge.domain":
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await):
                yield f"{module.path}:{node.lineno}: the domain awaits nothing"


def functions_of(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def is_heavy(node: ast.Import | ast.ImportFrom) -> bool:
    names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module]
    return all((name or "").startswith(HEAVY) for name in names)


def imports_inside_functions(module: Module) -> Iterator[str]:
    for function in functions_of(module):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom) and not is_heavy(node):
                yield f"{module.path}:{node.lineno}: an import inside {function.name}"


def oversize(module: Module) -> Iterator[str]:
    lines = module.source.count("\n")
    if lines > LONGEST_FILE:
        yield f"{module.path}: {lines} lines"
    for function in functions_of(module):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > LONGEST_FUNCTION:
            yield f"{module.path}:{function.lineno}: {function.name} has {length} lines"


def empty_names(module: Module) -> Iterator[str]:
    for part in module.name.split("."):
        if part in FORBIDDEN_NAMES or part.startswith("base_"):
            yield f"{module.path}: '{part}' says nothing about what is in it"


def printing(module: Module) -> Iterator[str]:
    if module.room == "bridge.cli":
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "print",
            "sys.stdout.write",
            "sys.stderr.write",
        }:
            yield f"{module.path}:{node.lineno}: only a command prints"


def hasty_comparisons(module: Module) -> Iterator[str]:
    """Signatures compared with == instead of hmac.compare_digest."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Compare):
            continue
        if not any(isinstance(op, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for op in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Constant) for side in sides):
            continue  # `signature == ""` gives nothing away
        if any(is_secret(side) for side in sides):
            yield f"{module.path}:{node.lineno}: {ast.unparse(node)} takes longer the nearer it is"


def is_secret(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=inner) | ast.Await(value=inner):
            return is_secret(inner)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            # A constant is in the source for everybody to read.
            return not name.isupper() and any(word in name.lower() for word in SECRET_WORDS)
        case _:
            return False


def cycle_in(modules: Mapping[str, Module]) -> list[str]:
    """Names of modules that import one another in a ring, first and last the same; or nothing."""
    graph = {
        name: {target for _, target in imports_of(module, modules) if target in modules} - {name}
        for name, module in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


Check = Callable[[Module], Iterator[str]]
MANNERS: tuple[Check, ...] = (
    imports_inside_functions,
    oversize,
    empty_names,
)
OURS_ONLY: tuple[Check, ...] = (waiting_in_domain, printing, hasty_comparisons)


def check_borders(module: Module) -> Iterator[str]:
    return forbidden_imports(module, OURS)


@pytest.mark.parametrize("check", [check_borders, *OURS_ONLY, *MANNERS])
def test_the_bridge_keeps_the_rule(check: Check) -> None:
    found = [fault for module in OURS.values() for fault in check(module)]

    assert found == []


@pytest.mark.parametrize("check", MANNERS)
def test_the_tests_keep_the_rule(check: Check) -> None:
    found = [fault for module in TESTS.values() for fault in check(module)]

    assert found == []


@pytest.mark.parametrize("modules", [OURS, TESTS], ids=["bridge", "tests"])
def test_no_modules_import_one_another_in_a_ring(modules: Mapping[str, Module]) -> None:
    assert cycle_in(modules) == []


def test_every_room_in_the_rules_exists() -> None:
    rooms = {module.room for module in OURS.values()}

    assert set(MAY_IMPORT) <= rooms


PLANTED: list[tuple[Check, str, str]] = [
    (check_borders, "bridge.domain.hours", "from bridge.store import work"),
    (check_borders, "bridge.domain.hours", "import time"),
    (check_borders, "bridge.store.lists", "import bridge.inbound"),
    (check_borders, "bridge.carriers.acme", "from bridge.store.database import Row"),
    (check_borders, "bridge.carriers.acme", "import aiohttp"),
    (check_borders, "bridge.inbound.judge", "from aiohttp import web"),
    (check_borders, "bridge.inbound.judge", "from bridge.carriers import twilio_errors"),
    (check_borders, "bridge.outbound.send", "from bridge.inbound import judge"),
    (check_borders, "bridge.web.probes", "from bridge.app import start"),
    (check_borders, "bridge.inbound.lists", "import sqlite3"),
    (check_borders, "bridge.surprises.one", ""),
    (waiting_in_domain, "bridge.domain.hours", "async def wait() -> None: ..."),
    (printing, "bridge.work.worker", "print('here')"),
    (imports_inside_functions, "bridge.work.worker", "def f():\n    if f:\n        import os"),
    (oversize, "bridge.work.worker", "x = 1\n" * (LONGEST_FILE + 1)),
    (oversize, "bridge.work.worker", "def f():\n" + "    x = 1\n" * LONGEST_FUNCTION),
    (empty_names, "bridge.work.utils", ""),
    (hasty_comparisons, "bridge.carriers.acme", "ok = expected_signature == given"),
    (hasty_comparisons, "bridge.carriers.acme", "ok = given != mac.hexdigest()"),
    (hasty_comparisons, "bridge.carriers.acme", "ok = given in request.signatures"),
]


@pytest.mark.parametrize(("check", "name", "source"), PLANTED)
def test_a_planted_fault_is_found(check: Check, name: str, source: str) -> None:
    planted = read_module(name, f"{name.replace('.', '/')}.py", source)

    assert len(list(check(planted))) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("bridge.inbound.judge", "from bridge.carriers.contract import Media"),
        ("bridge.web.probes", "from aiohttp import web"),
        ("bridge.work.worker", "import hmac\nok = hmac.compare_digest(signature, given)"),
        ("bridge.carriers.acme", "missing = signature == ''"),
        ("bridge.carriers.acme", "known = name in _SIGNATURE_NAMES"),
        ("bridge.cli.main", "print('done')"),
    ],
)
def test_what_is_allowed_is_not_found(name: str, source: str) -> None:
    module = read_module(name, f"{name.replace('.', '/')}.py", source)

    assert [
        fault for check in (check_borders, *OURS_ONLY, *MANNERS) for fault in check(module)
    ] == []


def test_a_planted_ring_is_found() -> None:
    ring = {
        "bridge.a": read_module("bridge.a", "bridge/a.py", "from bridge import b"),
        "bridge.b": read_module("bridge.b", "bridge/b.py", "import bridge.c"),
        "bridge.c": read_module("bridge.c", "bridge/c.py", "from bridge.a import name"),
    }

    assert set(cycle_in(ring)) == set(ring)
