"""Imports point down: warmup -> gateway -> {adapters, storage}. Read off the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "adapters", "storage", "warmup")
MAY_IMPORT = {
    "warmup": {"warmup", "gateway", "adapters", "storage"},
    "gateway": {"gateway", "adapters", "storage"},
    "adapters": {"adapters"},
    "storage": {"storage"},
}
AIOHTTP_SERVER = ("aiohttp.web", "aiohttp.web_", "aiohttp.test_utils")


def test_imports_point_down() -> None:
    assert list(faults(ROOT)) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("adapters/sources/bad.py", "import storage.entry"),
        ("adapters/bad.py", "from gateway import events"),
        ("storage/bad.py", "from adapters.errors import Kind"),
        ("storage/bad.py", "def late():\n    import gateway.config"),
        ("gateway/bad.py", "from warmup import plan"),
        ("gateway/bad.py", "from gateway.web.app import make_app"),
        ("gateway/bad.py", "from gateway import web"),
        ("gateway/config/bad.py", "from ..web import app"),
        ("warmup/bad.py", "import gateway.web.app"),
        ("gateway/bad.py", "from aiohttp import web"),
        ("gateway/bad.py", "import aiohttp.web as w"),
        ("adapters/bad.py", "from aiohttp.web_request import Request"),
        ("storage/bad.py", "import tests.stub_upstream"),
        ("gateway/bad.py", "import importlib\nimportlib.import_module('warmup.plan')"),
        ("gateway/bad.py", "__import__('tests')"),
    ],
)
def test_a_planted_import_is_found(tmp_path: Path, path: str, line: str) -> None:
    planted = tmp_path / path
    planted.parent.mkdir(parents=True)
    planted.write_text(line)
    assert [fault.split(":")[0] for fault in faults(tmp_path)] == [path]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("gateway/commands/serve.py", "from gateway.web.app import serve"),
        ("gateway/web/search.py", "from aiohttp import web\nfrom gateway.web.keys import GATEWAY"),
        ("warmup/plan.py", "from gateway.lookup import Lookup"),
        ("gateway/resolver.py", "from storage.tiers import Tiers\nfrom adapters import errors"),
        ("adapters/sources/http.py", "import aiohttp\nfrom aiohttp import ClientSession"),
    ],
)
def test_an_import_that_points_down_is_let_pass(tmp_path: Path, path: str, line: str) -> None:
    allowed = tmp_path / path
    allowed.parent.mkdir(parents=True)
    allowed.write_text(line)
    assert list(faults(tmp_path)) == []


def faults(root: Path) -> Iterator[str]:
    """Yield ``path: what is wrong`` for each import that may not be."""
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            path = file.relative_to(root)
            for module in imported(ast.parse(file.read_text()), path):
                reason = refusal(path, module)
                if reason:
                    yield f"{path}: {reason}"


def refusal(path: Path, module: str) -> str:
    """Say why the file at *path* may not import *module*; empty: it may."""
    package, inside_web = path.parts[0], path.parts[:2] == ("gateway", "web")
    top = module.split(".")[0]
    ours = top in (*PACKAGES, "tests", "bench")
    if ours and top not in MAY_IMPORT[package]:
        return f"{package} imports {module}"
    may_serve = inside_web or path.as_posix() == "gateway/commands/serve.py"
    if (module == "gateway.web" or module.startswith("gateway.web.")) and not may_serve:
        return f"only the command serve imports gateway.web, not {path}"
    if module.startswith(AIOHTTP_SERVER) and not inside_web:
        return f"aiohttp's server outside of gateway/web: {module}"
    return ""


def imported(tree: ast.Module, path: Path) -> Iterator[str]:
    """Yield every module that *tree* imports, wherever in it, once per statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, path)
            names = [f"{base}.{alias.name}" for alias in node.names]
            # `from gateway import web` names the module in its second half.
            wrong = [name for name in names if refusal(path, name)]
            yield wrong[0] if wrong else base
        elif isinstance(node, ast.Call) and _is_dynamic(node):
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    base = path.parts[: len(path.parts) - node.level]
    return ".".join((*base, *((node.module,) if node.module else ())))


def _is_dynamic(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    name = node.func.id if isinstance(node.func, ast.Name) else name
    return name in ("import_module", "__import__") and bool(node.args)
