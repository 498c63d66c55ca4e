"""Programs in their frameworks: each shows what its row says, and the command is strict both ways."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from gradconform import paths
from gradconform.atlas import conditions, table
from gradconform.atlas.lines import program
from gradconform.atlas.programs import numbers_of, run
from gradconform.atlas.table import Row
from gradconform.capture import adapters
from gradconform.capture.adapters import AdapterError
from gradconform.command.main import main

pytestmark = pytest.mark.process

CONDITIONS = {each.name: each for each in conditions.load()}
ROWS = table.from_csv(paths.atlas_table().read_text(encoding="utf-8"))
# Of memory that nobody wrote nothing can be said twice.
STEADY = [
    row
    for row in ROWS
    if row.tensor != "all" and not CONDITIONS[row.condition].alone and re.match(r"[\[\d.-]|nan|inf", row.gives)
]


def sample() -> list[Row]:
    """The last row of each kind in each framework."""
    return list({(row.framework, row.kind): row for row in STEADY}.values())


def shown(row: Row, folder: Path) -> str:
    """What the program of a row prints for its tensor, run as a maintainer of the framework would run it."""
    script = folder / "script.py"
    script.write_text(program(CONDITIONS[row.condition], row.framework))
    command = [str(adapters.find(row.framework).interpreter), "-W", "ignore", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, cwd=folder)
    return table.numbers(numbers_of(done.stdout)[row.tensor], row.dtype)


@pytest.mark.nightly
@pytest.mark.parametrize("row", sample(), ids=lambda row: f"{row.framework}-{row.condition}")
def test_a_script_shows_its_row(row: Row, tmp_path: Path) -> None:
    """The very numbers, as far as another processor computes the same; `gradconform atlas` looks at all of them."""
    got, recorded = (np.array(eval(text, {"nan": np.nan, "inf": np.inf})) for text in (shown(row, tmp_path), row.gives))
    np.testing.assert_allclose(got, recorded, rtol=0.05, atol=1e-6)


def test_a_script_that_shows_something_else_is_noticed(tmp_path: Path) -> None:
    """The twin: the script of one condition, held against the row of another."""
    row = next(row for row in STEADY if (row.condition, row.framework) == ("amax.below", "nnabla"))
    assert shown(row, tmp_path) == row.gives
    assert shown(replace(row, condition="amax.two_axes"), tmp_path) != row.gives


def test_a_program_that_ends_its_process_costs_no_other() -> None:
    """It is named, and those before and after it are there; each that is to be alone is."""
    adapter = adapters.find("chainer")
    say = 'print("output", [1.0])'
    programs = {"one": say, "two": "import os; os._exit(3)", "three": say, "four": "import os; " + say, "five": "1 / 0"}
    version, found = run(adapter, programs, alone=["four"])
    assert version == "7.8.1"
    assert [bool(found[name].tensors) for name in programs] == [True, False, True, True, False]
    assert found["two"].error.startswith("crashed")
    assert found["five"].error.startswith("ZeroDivisionError")


def test_a_framework_that_does_not_come_up_is_an_error(tmp_path: Path) -> None:
    """One sentence, with the interpreter in it."""
    adapter = replace(adapters.find("chainer"), folder=tmp_path)
    with pytest.raises(AdapterError, match="its programs do not run in"):
        run(adapter, {"one": "1"})


def asked(*arguments: str) -> tuple[int, str]:
    """Exit status and output of `gradconform atlas`."""
    result = CliRunner().invoke(main, ["atlas", *arguments])
    return result.exit_code, result.output


def own(folder: Path, old: str, new: str) -> str:
    """Conditions and differences of one's own: those that come along, with one text in place of another."""
    shutil.copytree(paths.specs_folder() / "atlas", folder, dirs_exist_ok=True)
    path = folder / "differences" / "chainer.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return str(folder)


def test_the_command_is_content_with_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """One operator in one framework."""
    monkeypatch.delenv("COLUMNS", raising=False)
    status, output = asked("leaky_relu", "--adapter", "chainer")
    assert status == 0, output
    assert "leaky_relu.default_slope" in output
    assert "3 tensors differ as known, 0 new, 0 vanished" in output


def test_what_nobody_has_classified_makes_it_fail(tmp_path: Path) -> None:
    """A line of the file is taken off, and what it spoke of is new."""
    specs = own(tmp_path, "      leaky_relu.nan: [grad/x]\n", "      abs.nan: [output]\n")
    status, output = asked("leaky_relu", "--adapter", "chainer", "--specs", specs)
    assert status == 1
    assert "new: chainer leaky_relu.nan grad/x: gives [1.0, 1.0], the reference [0.2, 1.0]; classify it in" in output


def test_what_no_longer_shows_makes_it_fail(tmp_path: Path) -> None:
    """A line is put in, of which nothing shows."""
    specs = own(tmp_path, "      leaky_relu.nan: [grad/x]\n", "      leaky_relu.nan: [grad/x, output]\n")
    status, output = asked("leaky_relu.nan", "--adapter", "chainer", "--specs", specs)
    assert status == 1
    assert "vanished: chainer leaky_relu.nan output is as the reference has it" in output


def test_the_recorded_table_needs_no_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor starts one."""
    monkeypatch.delenv("COLUMNS", raising=False)
    status, output = asked("amax", "--recorded", "--adapter", "nnabla")
    assert status == 0
    assert "amax.below" in output
    assert "chainer" not in output


def test_a_script_is_printed_whole() -> None:
    """Nothing but the program, so that it can be put into a file."""
    status, output = asked("--script", "amax.below", "--adapter", "nnabla")
    assert (status, output) == (0, program(CONDITIONS["amax.below"], "nnabla"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gelo"], "did you mean 'gelu'?"),
        (["--script", "gelu"], "--script shows one condition"),
        (
            ["--script", "clipped_relu.default_z", "--adapter", "torch"],
            "clipped_relu.default_z is not looked at in torch",
        ),
        (["gelu", "--out", "docs"], "--out is for the whole atlas"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str) -> None:
    """One sentence, status 2."""
    status, output = asked(*arguments)
    assert (status, said in output) == (2, True), output
