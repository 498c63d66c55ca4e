"""Who may import whom, and which grammar and which files may lie where (the import law)."""

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator
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
        heavy = set() if rest[0] == "report" else HEAVY
        plugin = {"pytest"} if len(rest) == 1 and rest[0].startswith("pytest_") else set()
        inside = {"." * level for level in range(1, len(rest) + 1)}
        return (STDLIB | runtime_modules() | {"harness"} | plugin | inside) - heavy
    if len(rest) == 1:
        return STDLIB_38 | {"numpy", "safetensors"}
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
        found += [
            f"{where}:{line}: imports {name}" for line, name in imported_roots(tree) if name not in allowed
        ]
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


BREACHES = [
    ("harness/judge/local.py", "import torch", "imports torch"),
    ("harness/judge/local.py", "from chainer import functions", "imports chainer"),
    ("harness/spec/load.py", "def f():\n    import nnabla.functions", "imports nnabla"),
    ("harness/reference/conv.py", "import onnx", "imports onnx"),
    ("harness/reference/conv.py", "import jax.numpy", "imports jax"),
    ("harness/adapters.py", "import adapters.torch", "imports adapters"),
    ("harness/cli.py", "from importlib import import_module\nimport_module('torch.nn')", "imports torch"),
    ("harness/cli.py", "__import__('nnabla')", "imports nnabla"),
    ("harness/cli.py", "from .. import adapters", "imports .."),
    ("harness/cli.py", "import pandas as pd", "imports pandas"),
    ("harness/judge/verdicts.py", "from jinja2 import Template", "imports jinja2"),
    ("harness/judge/verdicts.py", "import pytest", "imports pytest"),
    ("adapters/chainer/adapter.py", "import torch", "imports torch"),
    ("adapters/chainer/routes.py", "from harness import paths", "imports harness"),
    ("adapters/chainer/routes.py", "import safetensors", "imports safetensors"),
    ("adapters/torch/deep/more.py", "from ... import worker", "imports ..."),
    ("adapters/torch/adapter.py", "import tomllib", "imports tomllib"),
    ("adapters/worker.py", "import torch", "imports torch"),
    ("adapters/worker.py", "from harness import problem", "imports harness"),
    ("adapters/worker.py", "match 1:\n    case 1: pass", "not valid Python 3.8"),
    ("adapters/nnabla/adapter.py", "with (open('a') as a, open('b') as b): pass", "not valid Python 3.8"),
    ("harness/cli.py", "def (:", "not valid Python 3.11"),
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
    write(tmp_path, "harness/report/html.py", "import jinja2, pandas, numpy\nfrom harness import paths")
    write(tmp_path, "harness/pytest_plugin.py", "import pytest, yaml\nfrom . import paths")
    write(tmp_path, "harness/judge/local.py", "from .. import paths\nimport scipy.special")
    write(tmp_path, "adapters/jax/adapter.py", "import jax.numpy, numpy, json\nimport network\nfrom . import x")
    write(tmp_path, "adapters/jax/network.py", "")
    write(tmp_path, "adapters/worker.py", "import numpy, safetensors.numpy, argparse")
    write(tmp_path, "specs/networks/cnn.yaml", "import: torch")
    assert violations(tmp_path) == []


def write(root: Path, path: str, source: str) -> None:
    """Put one file into a tree."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(source)
