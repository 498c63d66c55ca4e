"""Who may import whom, and which grammar and which files may lie where (the import law)."""

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
STDLIB = set(sys.stdlib_module_names)
# The oldest framework runs on Python 3.8, so what the standard library gained later is not there.
STDLIB_38 = STDLIB - {"graphlib", "zoneinfo", "tomllib"}
HEAVY = {"pandas", "jinja2"}
DATA_SUFFIXES = {".yaml", ".json", ".md"}


@functools.cache
def runtime_modules() -> frozenset[str]:
    """Names that the distributions under [project] dependencies are imported by."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    wanted = {re.split(r"[^A-Za-z0-9._-]", line)[0].lower() for line in listed}
    return frozenset(
        module
        for module, distributions in packages_distributions().items()
        if wanted & {name.lower() for name in distributions}
    )


def imported_roots(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and first name of every import; a relative one keeps its dots; `import_module("x")` is one too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level or (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value.partition(".")[0] or "."


def allowed_in(root: Path, path: Path) -> set[str]:
    """The names that a file may import; its folder is the permission."""
    top, *rest = path.relative_to(root).parts
    if top == "harness":
        # Below harness/gradconform/: the folder of a layer, or a module of the ground.
        layer = rest[1] if len(rest) > 2 else ""
        heavy = set() if layer == "report" else HEAVY
        # What only one layer needs: the plugin is installed where pytest is, and `distributed` is an extra.
        own = {"testing": {"pytest"}, "cluster": {"distributed", "dask"}}.get(layer, set())
        return (STDLIB | runtime_modules() | {"gradconform"} | own) - heavy
    if len(rest) == 1:
        return STDLIB_38 | {"numpy"}
    own = root / top / rest[0]
    inside = {"." * level for level in range(1, len(rest))}
    return STDLIB_38 | {"numpy", rest[0]} | {module.stem for module in own.rglob("*.py")} | inside


def violations(root: Path) -> list[str]:
    """Every breach of the import law below a root that is laid out like this repository."""
    found = []
    for path in sorted([*root.glob("harness/**/*.py"), *root.glob("adapters/**/*.py")]):
        where = path.relative_to(root)
        oldest = (3, 8) if where.parts[0] == "adapters" else (3, 11)
        try:
            tree = ast.parse(path.read_text(), feature_version=oldest)
        except SyntaxError as error:
            found.append(f"{where}:{error.lineno}: not valid Python {oldest[0]}.{oldest[1]}: {error.msg}")
            continue
        allowed = allowed_in(root, path)
        found += [f"{where}:{line}: imports {name}" for line, name in imported_roots(tree) if name not in allowed]
    for path in sorted(root.glob("specs/**/*")):
        if path.is_file() and path.suffix not in DATA_SUFFIXES:
            found.append(f"{path.relative_to(root)}: not data; expected one of {sorted(DATA_SUFFIXES)}")
    return found


def test_the_repository_keeps_the_import_law() -> None:
    """No file of harness/, adapters/ or specs/ breaks the law."""
    assert violations(ROOT) == []


def test_the_law_is_applied_to_every_framework() -> None:
    """A framework is a folder with requirements, and the files the law reads include each one's Python."""
    frameworks = {path.parent.name for path in ROOT.glob("adapters/*/requirements.txt")}
    read = {path.parts[-2] for path in ROOT.glob("adapters/*/*.py")}
    assert frameworks
    assert frameworks <= read


GROUND = ("dtypes", "errors", "version", "words", "paths", "draws", "graph", "reasons", "rows")
"""Modules beside the folders: the lowest rungs. Each may import those before it in this list, and no folder."""
LAYERS = (
    "contract",
    "reference",
    "history",
    "behaviour",
    "numeric",
    "spec",
    "draw",
    "judge",
    "capture",
    "evidence",
    "atlas",
    "report",
    "run",
    "cluster",
    "command",
    "testing",
)
"""The folders of harness/gradconform/: each may import the ground, those before it in this list, and nothing else."""
DOORS = ("__init__", "__main__")
"""What users call; nothing of ours imports them."""


def upward(package: Path) -> list[str]:
    """Every import that goes up the ladder, wherever in a file it stands; and what has no place on the ladder."""
    modules = {".".join(path.relative_to(package.parent).with_suffix("").parts) for path in package.rglob("*.py")}
    found = []
    for path in sorted(package.rglob("*.py")):
        here = layer_of(path.relative_to(package).with_suffix("").parts)
        if here not in (*GROUND, *LAYERS, *DOORS):
            found.append(f"{path.name}: {here} has no place in LAYERS")
            continue
        for line, module in own_imports(ast.parse(path.read_text()), modules, package.name):
            there = layer_of(module.split(".")[1:])
            if there != here and height(there) >= height(here):
                found.append(f"{path.relative_to(package)}:{line}: {here} imports {there}")
    return found


def layer_of(parts: Sequence[str]) -> str:
    """The layer of a module below the package."""
    return parts[0] if parts else "__init__"


def height(layer: str) -> int:
    """The rung of a layer; the doors are above all."""
    ladder = (*GROUND, *LAYERS)
    return ladder.index(layer) if layer in ladder else len(ladder)


def own_imports(tree: ast.AST, modules: set[str], package: str) -> Iterator[tuple[int, str]]:
    """Line and module of every import of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name.split(".")[0] == package)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                known = inner in modules or f"{inner}.__init__" in modules
                yield node.lineno, inner if known else str(node.module)


def test_the_house_is_a_ladder() -> None:
    """No folder imports one above it, so there is no circle, and every folder has its place."""
    assert upward(ROOT / "harness" / "gradconform") == []


def test_every_layer_is_a_folder() -> None:
    """The list names nothing that is not there."""
    package = ROOT / "harness" / "gradconform"
    assert {path.name for path in package.iterdir() if (path / "__init__.py").exists()} == set(LAYERS)
    assert {path.stem for path in package.glob("*.py")} == {*GROUND, *DOORS}


@pytest.mark.parametrize(
    ("path", "source", "breach"),
    [
        ("judge/local.py", "from gradconform.report import frame", "judge imports report"),
        ("judge/local.py", "from gradconform import report", "judge imports report"),
        ("judge/local.py", "import gradconform.command.run", "judge imports command"),
        ("rows.py", "def late():\n    from gradconform.judge import local", "rows imports judge"),
        (
            "judge/local.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gradconform.run import way",
            "judge imports run",
        ),
        ("command/run.py", "from gradconform import load_run", "command imports __init__"),
        ("attic/old.py", "import os", "attic has no place in LAYERS"),
    ],
)
def test_an_import_up_the_ladder_is_named(tmp_path: Path, path: str, source: str, breach: str) -> None:
    """The twin: one import upward, at the top of a file or late, is named with its file."""
    for known in ("report", "command", "run", "judge"):
        write(tmp_path, f"gradconform/{known}/__init__.py", "")
    for module in ("report/frame", "command/run", "run/way", "judge/local", "rows", "__init__"):
        write(tmp_path, f"gradconform/{module}.py", "")
    write(tmp_path, f"gradconform/{path}", source)
    [found] = upward(tmp_path / "gradconform")
    assert breach in found


def test_an_import_down_the_ladder_is_not_named(tmp_path: Path) -> None:
    """What lies below may be imported, and so may what lies beside in one's own folder and on the ground."""
    write(tmp_path, "gradconform/judge/__init__.py", "")
    write(tmp_path, "gradconform/judge/local.py", "from gradconform.judge import blame\nfrom gradconform import rows")
    write(tmp_path, "gradconform/judge/blame.py", "from gradconform.contract import problem")
    write(tmp_path, "gradconform/rows.py", "from gradconform import words")
    write(tmp_path, "gradconform/words.py", "")
    assert upward(tmp_path / "gradconform") == []


BREACHES = [
    ("harness/gradconform/judge/local.py", "import torch", "imports torch"),
    ("harness/gradconform/judge/local.py", "from chainer import functions", "imports chainer"),
    ("harness/gradconform/spec/load.py", "def f():\n    import nnabla.functions", "imports nnabla"),
    ("harness/gradconform/reference/conv.py", "import onnx", "imports onnx"),
    ("harness/gradconform/reference/conv.py", "import jax.numpy", "imports jax"),
    ("harness/gradconform/paths.py", "import adapters.torch", "imports adapters"),
    ("harness/gradconform/words.py", "from importlib import import_module\nimport_module('torch.nn')", "imports torch"),
    ("harness/gradconform/words.py", "__import__('nnabla')", "imports nnabla"),
    ("harness/gradconform/words.py", "from .. import adapters", "imports .."),
    ("harness/gradconform/words.py", "import pandas as pd", "imports pandas"),
    ("harness/gradconform/judge/verdicts.py", "from jinja2 import Template", "imports jinja2"),
    ("harness/gradconform/judge/verdicts.py", "import pytest", "imports pytest"),
    ("adapters/chainer/adapter.py", "import torch", "imports torch"),
    ("adapters/chainer/routes.py", "from gradconform import paths", "imports gradconform"),
    ("adapters/chainer/routes.py", "import safetensors", "imports safetensors"),
    ("adapters/torch/deep/more.py", "from ... import worker", "imports ..."),
    ("adapters/torch/adapter.py", "import tomllib", "imports tomllib"),
    ("adapters/worker.py", "import torch", "imports torch"),
    ("adapters/arrays.py", "from safetensors import numpy", "imports safetensors"),
    ("adapters/worker.py", "from gradconform import problem", "imports gradconform"),
    ("adapters/worker.py", "match 1:\n    case 1: pass", "not valid Python 3.8"),
    ("adapters/nnabla/adapter.py", "with (open('a') as a, open('b') as b): pass", "not valid Python 3.8"),
    ("harness/gradconform/words.py", "def (:", "not valid Python 3.11"),
    ("specs/networks/cnn.py", "", "not data"),
    ("specs/networks/cnn", "#!/usr/bin/env python3", "not data"),
]


@pytest.mark.parametrize(("path", "source", "breach"), BREACHES)
def test_a_file_that_breaks_the_law_is_named(tmp_path: Path, path: str, source: str, breach: str) -> None:
    """The twin: a rule broken by the only file of a tree gives exactly that file and that rule."""
    write(tmp_path, path, source)
    [found] = violations(tmp_path)
    assert found.startswith(path)
    assert breach in found


def test_what_the_law_allows_is_not_named(tmp_path: Path) -> None:
    """Permissions follow the folder: report/ may be heavy, an adapter has its framework and its own files."""
    write(tmp_path, "harness/gradconform/report/html.py", "import jinja2, pandas, numpy\nfrom gradconform import paths")
    write(tmp_path, "harness/gradconform/testing/plugin.py", "import pytest, yaml\nfrom gradconform import paths")
    write(tmp_path, "harness/gradconform/judge/local.py", "from gradconform import paths\nimport scipy.special")
    write(tmp_path, "adapters/jax/adapter.py", "import jax.numpy, numpy, json\nimport network\nfrom . import x")
    write(tmp_path, "adapters/jax/network.py", "")
    write(tmp_path, "adapters/worker.py", "import numpy, argparse")
    write(tmp_path, "specs/networks/cnn.yaml", "import: torch")
    assert violations(tmp_path) == []


def write(root: Path, path: str, source: str) -> None:
    """Put one file into a tree."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(source)
