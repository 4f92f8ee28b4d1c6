"""What a user installs: the wheel has every file the code reads, and works away from the source."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = sorted(ROOT.glob("requirements*.lock"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the lock's own builder: no network, nothing installed."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def unpacked(wheel: Path, tmp_path: Path) -> Path:
    """The wheel's content, away from the source."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    return tmp_path / "installed"


def files_of_the_package() -> set[str]:
    """Every file under bridge/, by its path from the root; caches and hidden files apart."""
    paths = (file.relative_to(ROOT) for file in (ROOT / "bridge").rglob("*") if file.is_file())
    return {
        str(path)
        for path in paths
        if "__pycache__" not in path.parts and not any(part.startswith(".") for part in path.parts)
    }


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())

    expected = files_of_the_package()
    assert {Path(name).suffix for name in expected} >= {".py", ".sql", ".html", ".css", ".js"}
    assert expected - packed == set()


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert packed - files_of_the_package() == set()


def test_the_wheel_names_the_command_and_the_licence(unpacked: Path) -> None:
    (info,) = unpacked.glob("*.dist-info")

    assert "bridge = bridge.cli.main:main" in (info / "entry_points.txt").read_text()
    assert "Apache License" in (info / "licenses" / "LICENSE").read_text()


def test_the_database_is_made_from_the_wheel_alone(unpacked: Path, tmp_path: Path) -> None:
    program = (
        "import sys, bridge; from bridge.cli.main import main;"
        "print(bridge.__file__); sys.argv = ['bridge', 'migrate']; main()"
    )
    libraries = sysconfig.get_path("purelib")
    environment = {name: value for name, value in os.environ.items() if "BRIDGE_" not in name}

    # -S leaves out the link to the source that an environment for developers has.
    run = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path,
        env=environment
        | {
            "PYTHONPATH": os.pathsep.join([str(unpacked), libraries]),
            "BRIDGE_DATABASE_URL": f"sqlite:///{tmp_path}/made.db",
        },
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(unpacked))
    assert (tmp_path / "made.db").stat().st_size > 0


def libraries_imported() -> set[str]:
    """Top-level names that bridge/ imports and that are neither ours nor the language's."""
    names = set()
    for path in (ROOT / "bridge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"bridge"}


def normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def declared(*, extras: Sequence[str] = ()) -> set[str]:
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return {normalised(re.split(r"[<>=!~\[; ]", line)[0]) for line in lines}


def test_every_imported_library_is_declared() -> None:
    owners = packages_distributions()

    undeclared = {
        name
        for name in libraries_imported()
        if not {normalised(owner) for owner in owners.get(name, [])} & declared(extras=["postgres"])
    }

    assert undeclared == set()


def test_every_declared_library_is_imported() -> None:
    owners = packages_distributions()
    used = {normalised(owner) for name in libraries_imported() for owner in owners.get(name, [])}

    assert declared() - used == {"tzdata"}  # zoneinfo reads it where the machine has no zones


def test_what_few_services_need_is_not_loaded_with_every_one() -> None:
    heavy = ["cryptography", "jwt", "psycopg", "bridge.sandbox"]
    code = f"import bridge.cli.main, sys; print(*sorted(set({heavy}) & set(sys.modules)))"

    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.stdout.split() == []


def pins(lock: str) -> set[str]:
    """The lines `name==version ; marker` of a lock file."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return {line.rstrip(" \\") for line in lines if line[:1].isalnum()}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_has_a_hash_for_each_library_and_no_address(lock: Path) -> None:
    lines = lock.read_text(encoding="utf-8").splitlines()
    after = [following for line, following in pairwise(lines) if line[:1].isalnum()]

    assert after, "nothing is pinned"
    assert all(following.startswith("    --hash=sha256:") for following in after)
    assert not any("://" in line for line in lines)
    assert not any(line.startswith("-") for line in lines)


def test_the_locks_agree_with_one_another_and_with_the_project() -> None:
    runtime = pins("requirements.lock")

    assert runtime < pins("requirements-dev.lock") < pins("requirements-ci.lock")
    assert runtime < pins("requirements-postgres.lock") < pins("requirements-dev.lock")
    assert declared() <= {normalised(pin.partition("==")[0]) for pin in runtime}
