"""What docs/gradients.md shows of the adapters is what is in them: routes line by line, remedies, a real answer."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import click.testing
import pytest
from constants import constants
from gradconform import paths
from gradconform.command.main import main
from twin_adapter import append

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "gradients.md").read_text(encoding="utf-8")
NAMES = {"torch": "PyTorch", "chainer": "Chainer", "nnabla": "NNabla"}
LEAF = {"name": "x", "leaf": "x", "output": "loss", "at": "h = relu(x)"}
BETWEEN = {**LEAF, "name": "h"}


def chapter(title: str) -> str:
    """The text of a chapter or of a part of one, up to the next heading."""
    [text] = re.findall(rf"^##+ {re.escape(title)}\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
    return text


def unlike(text: str, source: str) -> list[str]:
    """The Python blocks of a text that are not in a source, line by line."""
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert blocks
    return [block for block in blocks if f"\n{block}" not in source]


def shown_and_source(framework: str) -> tuple[str, str]:
    """What the page shows of a framework's routes, and the file it is from."""
    path = paths.adapters_folder() / framework / "routes.py"
    return chapter(f"How do I get a layer's gradient in {NAMES[framework]}?"), path.read_text(encoding="utf-8")


@pytest.mark.parametrize("framework", NAMES)
def test_the_routes_shown_are_the_routes_own_code(framework: str) -> None:
    """Every block is in the adapter's routes.py as it stands."""
    shown, source = shown_and_source(framework)
    assert unlike(shown, source) == []


@pytest.mark.parametrize("framework", NAMES)
def test_a_changed_line_is_noticed(framework: str) -> None:
    """The twin: any line of any block changed in the source."""
    shown, source = shown_and_source(framework)
    lines = [line for block in re.findall(r"```python\n(.*?)```", shown, re.S) for line in block.splitlines() if line]
    assert all(unlike(shown, source.replace(f"\n{line}\n", f"\n{line}  # changed\n")) for line in lines)


def table(remedies: dict[str, dict[tuple[str, str], str]]) -> str:
    """The table of reasons: one row for each reason and kind of tensor, one column for each framework."""
    rows = ["| reason | of a | " + " | ".join(NAMES.values()) + " |", "|---|---|" + "---|" * len(NAMES)]
    for reason, kind in dict.fromkeys(key for lines in remedies.values() for key in lines):
        names = LEAF if kind == "leaf" else BETWEEN
        lines = [remedies[f].get((reason, kind), "").format(**names) for f in NAMES]
        said = {"leaf": "leaf", "between": "node"}[kind]
        rows.append(f"| `{reason}` | {said} | " + " | ".join(f"`{line}`" if line else "" for line in lines) + " |")
    return "\n".join(rows) + "\n"


def remedies() -> dict[str, dict[tuple[str, str], str]]:
    """Framework -> REMEDIES, as its adapter has them."""
    return {f: constants(paths.adapters_folder() / f / "reasons.py")["REMEDIES"] for f in NAMES}


def test_the_table_of_reasons_is_that_of_the_adapters() -> None:
    """Row by row, cell by cell."""
    assert table(remedies()) in chapter("Why is it None?")


@pytest.mark.parametrize("framework", NAMES)
def test_a_changed_remedy_is_noticed(framework: str) -> None:
    """The twin: one remedy of one framework is another."""
    changed = remedies()
    changed[framework]["graph_cut", "leaf"] += "!"
    assert table(changed) not in chapter("Why is it None?")


def answer(tmp_path: Path, body: str) -> str:
    """What `gradconform why` prints of an adapter whose ReLU has this body, without the framework's version."""
    folder = tmp_path / "torch"
    shutil.copytree(paths.adapters_folder() / "torch", folder, ignore=shutil.ignore_patterns("__pycache__"))
    append(folder, "operators", f"def op_relu(x):\n    return {body}\n")
    spec = paths.specs_folder() / "networks" / "mlp.yaml"
    done = click.testing.CliRunner().invoke(main, ["why", str(spec), "x", "--adapter", str(folder)])
    assert done.exit_code == 0, done.output
    return re.sub(r"(?<=torch )\S+(?=,)", "VERSION", done.output)


@pytest.mark.process
def test_the_answer_shown_is_a_real_one(tmp_path: Path) -> None:
    """The example of a ReLU that detaches, to the letter; with a ReLU that does not, the answer is another."""
    [block] = re.findall(r"^```\n\$ gradconform why [^\n]*\n(.*?)^```", chapter("Why is it None?"), re.M | re.S)
    shown = re.sub(r"(?<=torch )\S+(?=,)", "VERSION", block)
    assert answer(tmp_path / "cut", "F.relu(x.detach())") == shown
    assert answer(tmp_path / "whole", "F.relu(x)") != shown
