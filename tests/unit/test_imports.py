"""Imports point one way: schemas ← streams/core ← shells ← deploy, and each client library has one door."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "producers", "streams", "sinks", "deploy")

#: What a part of the tree may import of the project's own packages, the most specific prefix first.
ALLOWED = {
    "schemas": ("schemas",),
    "streams.core": ("schemas", "streams.core"),
    "streams": ("schemas", "streams"),
    "producers": ("schemas", "producers"),
    "sinks": ("schemas", "sinks"),
    "deploy": PACKAGES,
}
#: Client libraries that the pure packages must not know.
CLIENTS = ("kafka", "aiokafka", "faust", "mode", "clickhouse_connect", "chdb", "rocksdict", "starlette", "granian")
#: Libraries with one door each: (library, the package, the only module in it that may import the library).
DOORS = (
    ("kafka", "producers", "producers/publisher.py"),
    ("clickhouse_connect", "sinks", "sinks/client.py"),
    ("clickhouse_connect", "producers", ""),
    ("clickhouse_connect", "streams", ""),
    ("chdb", "sinks", ""),
)


def modules(package: str) -> Iterator[Path]:
    return (ROOT / package).rglob("*.py")


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Every module that the file imports, wherever in it, with its full name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it points to"
            # `from streams import core` imports streams.core.
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_between_the_packages_point_one_way(package: str) -> None:
    wrong = []
    for path in modules(package):
        place = next(prefix for prefix in sorted(ALLOWED, key=len, reverse=True) if within(name_of(path), prefix))
        wrong += [
            f"{path.relative_to(ROOT)} imports {module}"
            for module in imports(path)
            if module.partition(".")[0] in PACKAGES and not any(within(module, ok) for ok in ALLOWED[place])
        ]
    assert wrong == []


@pytest.mark.parametrize("package", ["schemas", "streams/core"])
def test_the_pure_packages_know_no_client_library(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules(package)
        for module in imports(path)
        if any(within(module, client) for client in CLIENTS)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["schemas", "streams/core"])
def test_the_pure_packages_never_look_at_the_clock(package: str) -> None:
    clocks = {"now", "utcnow", "today", "time", "monotonic", "time_ns"}
    wrong = []
    for path in modules(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clocks:
                owner = ast.unparse(node.func.value)
                if owner in {"time", "datetime", "date", "datetime.datetime"}:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} calls {owner}.{node.func.attr}")
    assert wrong == []


@pytest.mark.parametrize(("library", "package", "door"), DOORS)
def test_a_client_library_has_one_door(library: str, package: str, door: str) -> None:
    importers = {
        path.relative_to(ROOT).as_posix()
        for path in modules(package)
        if any(within(module, library) for module in imports(path))
    }
    assert importers <= {door}


def test_the_test_sees_imports_inside_functions_and_from_imports(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def f():\n    from streams import core\n    import kafka.errors\n")
    assert imports(path) == {"streams.core", "kafka.errors"}
