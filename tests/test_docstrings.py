"""Every public name says what it means: modules, classes, functions, methods."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "adapters", "storage", "warmup")
MAX_FILE = 250
MAX_FUNCTION = 40

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def test_every_public_name_has_its_docstring() -> None:
    assert [name for file in sources() for name in undocumented(file)] == []


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("x = 1", ["planted.py"]),
        ('"""M."""\ndef f(): ...', ["planted.py f"]),
        ('"""M."""\nasync def f(): ...', ["planted.py f"]),
        ('"""M."""\nclass C:\n    def m(self): ...', ["planted.py C", "planted.py C.m"]),
        ('"""M."""\ndef _f(): ...\nclass _C:\n    def m(self): ...', []),
        ('"""M."""\ndef f():\n    """F."""\n    def inner(): ...', []),
        ('"""M."""\nclass C:\n    """C."""\n    def __init__(self): ...', []),
    ],
)
def test_a_missing_docstring_is_found(tmp_path: Path, code: str, missing: list[str]) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(code)
    assert list(undocumented(planted, tmp_path)) == missing


def test_no_file_and_no_function_has_outgrown_its_reader() -> None:
    long_files = [file.name for file in sources() if _lines(file) > MAX_FILE]
    long_functions = [
        f"{file.name} {node.name}"
        for file in sources()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION
    ]
    assert (long_files, long_functions) == ([], [])


def sources() -> list[Path]:
    """Return every source file of ours, migrations' one-off scripts too."""
    return [file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))]


def undocumented(file: Path, root: Path = ROOT) -> Iterator[str]:
    """Yield the public names of *file* that lack a docstring; the path alone is the module."""
    where = str(file.relative_to(root))
    tree = ast.parse(file.read_text())
    if not ast.get_docstring(tree):
        yield where
    for name, node in _public(tree, ""):
        if not ast.get_docstring(node):
            yield f"{where} {name}"


def _public(node: Documented, prefix: str) -> Iterator[tuple[str, Documented]]:
    for child in node.body:
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if child.name.startswith("_"):
            continue
        name = f"{prefix}{child.name}"
        yield name, child
        if isinstance(child, ast.ClassDef):
            yield from _public(child, f"{name}.")


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines())
