"""Where an adapter's operators lie: each in the file that is called like its family in the reference."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from gradconform import paths
from gradconform.reference import OPERATORS

FAMILIES = {name: op.forward.__module__.rpartition(".")[2] for name, op in OPERATORS.items()}
FRAMEWORKS = sorted(path.parent.name for path in paths.adapters_folder().glob("*/requirements.txt"))


def misplaced(adapter: Path, families: Mapping[str, str]) -> list[str]:
    """Every operator of an adapter that lies elsewhere than in the file of its family, and every one without a family.

    families: operator -> its family in the reference.
    """
    found = []
    for path in sorted(adapter.rglob("*.py")):
        defined = [node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if is_operator(node)]
        for name in defined:
            family = families.get(name.removeprefix("op_"))
            where = path.relative_to(adapter).as_posix()
            if family is None:
                found.append(f"{where}: {name} is no operator of the reference")
            elif where != f"operators/{family}.py":
                found.append(f"{where}: {name} belongs in operators/{family}.py")
    return found


def is_operator(node: ast.stmt) -> bool:
    """Whether a statement defines a function that the worker takes for an operator."""
    return isinstance(node, ast.FunctionDef) and node.name.startswith("op_")


def test_there_are_adapters_and_families() -> None:
    """Else the test below would look at nothing."""
    assert set(FRAMEWORKS) >= {"chainer", "nnabla", "torch"}
    assert FAMILIES["relu"] == "piecewise"
    assert FAMILIES["linear"] == "linear"


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_an_operator_lies_in_the_file_of_its_family(framework: str) -> None:
    """Who looks for one knows the file from the reference's."""
    assert misplaced(paths.adapters_folder() / framework, FAMILIES) == []


@pytest.mark.parametrize(
    ("where", "name", "said"),
    [
        ("operators/smooth.py", "op_relu", "operators/smooth.py: op_relu belongs in operators/piecewise.py"),
        ("adapter.py", "op_relu", "adapter.py: op_relu belongs in operators/piecewise.py"),
        ("operators/piecewise.py", "op_rellu", "operators/piecewise.py: op_rellu is no operator of the reference"),
    ],
)
def test_an_operator_in_another_file_is_found(tmp_path: Path, where: str, name: str, said: str) -> None:
    """The twin: one that was moved, or misspelt, is named with the file it is in and the one it belongs in."""
    adapter = tmp_path / "torch"
    shutil.copytree(paths.adapters_folder() / "torch", adapter, ignore=shutil.ignore_patterns("__pycache__"))
    with (adapter / where).open("a", encoding="utf-8") as file:
        file.write(f"\n\ndef {name}(x):\n    return x\n")
    assert misplaced(adapter, FAMILIES) == [said]
