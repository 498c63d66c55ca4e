"""The two walks of CONTRIBUTING.md, followed to the letter in a copy of the checkout.

Each fence is a step: Python and YAML go to the end of the file named before it, an ini line takes the place of the
one with its key, and a shell script is run. `make test` stands for its pytest here; nothing is built. For speed the
copy has the specs of four operators only.
"""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from gradconform.capture import adapters
from gradconform.judge.lists import shipped
from gradconform.report.files import read
from test_layout import violations

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parent.parent
WALKS = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COPIED = ("adapters", "harness", "specs", "tests", "locks", "pyproject.toml", "tox.ini", ".python-version")
KEPT = {"relu", "tanh", "mul", "conv2d"}
# The operators in whose cases listed divergences must show.
LISTED = {entry.shows.file.stem for entry in shipped()}
# What the tests' own run or a person's habits would bring in: no width of a terminal, and bytecode is kept, for speed.
FORGOTTEN = ("PYTEST_", "TOX_", "COLUMNS", "PYTHONDONTWRITEBYTECODE")
# The path, if any, ends the line before the fence.
FENCE = re.compile(r"^(?:[^\n]*`([^`\s]+)`:\n\n?)?( *)```(\w+)\n(.*?)^\2```$", re.M | re.S)
TOX = ROOT / ".venv/bin/tox"
OPERATOR, FRAMEWORK = "adding an operator", "adding a framework"
SCHEMA = "tests/spec/test_spec_schema.py::test_the_schema_on_disk_is_that_of_the_code"
STAND_INS = {
    "gradconform": 'exec {python} -m gradconform "$@"',
    "python": 'exec {python} "$@"',
    "make": 'case "$1" in '
    'test) eval "exec {python} -m pytest -v -p no:cacheprovider ${{2#ARGS=}}";; '
    # A lock is resolved from an index, which no test asks.
    "lock) sed 's/>=/==/' adapters/toy/requirements.txt > adapters/toy/requirements.lock;; *) exit 2;; esac",
}


@dataclass(frozen=True)
class Step:
    """One fence: the file it is for (none for a script), its language, its text."""

    path: str | None
    language: str
    text: str


def steps(walk: str) -> list[Step]:
    """The steps of one walk, in order."""
    [section] = re.findall(rf"^## Walk: {walk}\n(.*?)(?=^## )", WALKS, re.M | re.S)
    found = [Step(path or None, kind, textwrap.dedent(text)) for path, _, kind, text in FENCE.findall(section)]
    assert 2 * len(found) == section.count("```") > 0, f"a fence of this walk is not read: {walk}"
    return found


@dataclass(frozen=True)
class Checkout:
    """A copy of the checkout, and the environment in which its own harness is imported."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command there; standard error is part of what it printed."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def take(self, step: Step) -> str:
        """Do what a step says; return what it printed. A script that fails raises CalledProcessError."""
        if step.language == "sh":
            done = self.run("sh", "-e", "-c", step.text)
            print(step.text, done.stdout)
            done.check_returncode()
            return done.stdout
        assert step.path is not None, f"no file is named before:\n{step.text}"
        path = self.root / step.path
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if step.language == "ini":
            key = step.text.partition("=")[0]
            after, replaced = re.subn(rf"^{key}=.*\n", step.text, before, flags=re.M)
            assert replaced == 1, f"{step.path} has {replaced} lines for {key}"
        else:
            after = before + ("\n\n" if before else "") + step.text
        path.write_text(after, encoding="utf-8")
        return ""

    def follow(self, walk: str, change: Callable[[str], str] = str) -> str:
        """Take every step of a walk, its text changed on the way; return all that was printed."""
        taken = steps(walk)
        assert change is str or [change(s.text) for s in taken] != [s.text for s in taken], "nothing was changed"
        return "".join(self.take(Step(s.path, s.language, change(s.text))) for s in taken)

    def rows(self) -> pd.DataFrame:
        """The local rows of the latest report."""
        rows = read(self.root / "reports/latest")
        return rows[rows["check"] == "local"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A copy of what git tracks or would track, with stand-ins for the commands and this interpreter for `toy`."""
    root, bin_ = tmp_path / "checkout", tmp_path / "bin"
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *COPIED]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in sorted({name for name in names if (ROOT / name).is_file()}):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if not name.startswith("specs/operators/") or Path(name).stem in KEPT | LISTED:
            shutil.copy(ROOT / name, root / name)
    bin_.mkdir()
    for name, line in STAND_INS.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{line.format(python=shlex.quote(sys.executable))}\n")
        (bin_ / name).chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FORGOTTEN)}
    environment |= {"PATH": os.pathsep.join([str(bin_), os.environ["PATH"]]), "PYTHONPATH": str(root / "harness")}
    environment |= {adapters.variable(name): str(adapters.find(name).interpreter) for name in adapters.names()}
    environment[adapters.variable("toy")] = sys.executable
    return Checkout(root, environment)


def verdicts(rows: pd.DataFrame, by: str) -> dict[str, set[str]]:
    """The verdicts for each value of a column."""
    return {str(value): set(group["verdict"]) for value, group in rows.groupby(by)}


def test_the_copy_uses_its_own_harness(checkout: Checkout) -> None:
    """Else the walks would change one tree and test another."""
    done = checkout.run("python", "-c", "from gradconform import paths; print(paths.checkout_root())")
    assert done.stdout == f"{checkout.root}\n"


def test_an_operator_is_added_as_told(checkout: Checkout) -> None:
    """The reference's checks pass; torch conforms, and those that were not told of it say that they lack it."""
    printed = checkout.follow(OPERATOR)
    assert "2 networks, all well formed" in printed
    for test in (
        "test_derivatives.py::test_the_vjp_is_the_numerical_gradient[softsign.wide]",
        "test_derivatives.py::test_the_vjp_is_the_adjoint[softsign.wide]",
        "test_forward.py::test_the_forward_agrees_with_an_independent_one[softsign.wide]",
        "test_bounds.py::test_an_honest_evaluation_stays_within_the_bound[softsign.wide-drawn]",
        "test_bounds.py::test_a_wrong_value_is_beyond_the_bound[softsign.wide]",
        "test_bounds.py::test_what_only_moves_has_no_bound_and_what_computes_has_one[softsign]",
        "test_facts.py::test_an_operator_says_where_its_kinks_are[softsign]",
    ):
        assert f"tests/reference/{test} PASSED" in printed
    schema = checkout.run("make", "test", f"ARGS={SCHEMA}")
    assert schema.returncode == 0, schema.stdout
    # Its code takes |x|, and yet it has no kink in the way of --numeric.
    asked = "from gradconform.reference import OPERATORS; print(OPERATORS['softsign'].smooth)"
    assert checkout.run("python", "-c", asked).stdout == "True\n"

    rows = read(checkout.root / "reports/latest")
    torch = rows[(rows["framework"] == "torch") & (rows["check"] == "local")]
    assert set(torch["tensor"]) == {"output/softsign", "grad/x"}
    assert verdicts(torch, "spec") == {"softsign.plain": {"conforms"}, "softsign.wide": {"conforms"}}
    for framework in set(adapters.names()) - {"torch"}:
        lacking = rows[rows["framework"] == framework]
        assert set(lacking["verdict"]) == {"unsupported"}
        assert lacking["reason"].str.contains("has no operator 'softsign' in its adapter|does not compute in").all()
        assert lacking["reason"].str.contains("no operator 'softsign'").any()


def test_a_wrong_vjp_does_not_land(checkout: Checkout) -> None:
    """The twin: a square forgotten stops the walk at the tests; the schema is stale until it is written anew."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        checkout.follow(OPERATOR, wrong_vjp)
    assert set(re.findall(r"::(\S+) FAILED", caught.value.output)) == {
        f"{test}[softsign.{case}]"
        for test in ("test_the_vjp_is_the_numerical_gradient", "test_the_vjp_is_the_adjoint")
        for case in ("plain", "wide")
    } | {"test_the_schema_on_disk_is_that_of_the_code"}


def wrong_vjp(text: str) -> str:
    """A derivative that is wrong, and no tests but those of derivatives and of the schema."""
    text = re.sub(r"^gradconform check .*\n", "", text, flags=re.M)
    tests = f"tests/reference/test_derivatives.py {SCHEMA} -k 'softsign or schema'"
    return text.replace("np.square(below)", "below").replace("tests/reference -k softsign", tests)


@pytest.mark.nightly
def test_a_wrong_operator_diverges(checkout: Checkout) -> None:
    """The twin: an op_softsign that is another function stops the walk at its end."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        checkout.follow(OPERATOR, wrong_operator)
    assert caught.value.returncode == 1
    assert verdicts(checkout.rows(), "framework") == {"torch": {"diverges"}}


def wrong_operator(text: str) -> str:
    """Another function in the adapter, no tests, and torch alone."""
    text = re.sub(r"^(gradconform check|make|python) .*\n", "", text, flags=re.M)
    return text.replace("F.softsign(x)", "F.tanh(x)").replace("gradconform run", "gradconform run --adapter torch")


def test_a_framework_is_added_as_told(checkout: Checkout) -> None:
    """It starts, its operators conform, it says what it cannot do, and it keeps the import law."""
    printed = checkout.follow(FRAMEWORK)
    assert f"adapters in {checkout.root}/adapters" in printed
    assert re.search(r"toy .*GRADCONFORM_PYTHON_TOY .*float32 float64 .* 3 ", printed)
    assert violations(checkout.root) == []
    assert set(checkout.rows()["framework"]) == {"toy"}
    able = verdicts(checkout.rows(), "spec")
    assert able["relu.wide"] == able["tanh.wide"] == able["mul.plain"] == {"conforms"}
    assert able["mul.row"] == able["conv2d.plain"] == {"unsupported"}
    reasons = set(checkout.rows()["reason"])
    assert "node 'conv2d': toy has no operator 'conv2d' in its adapter" in reasons
    assert "node 'mul' (mul): toy does not broadcast" in reasons


@pytest.mark.nightly
def test_its_folder_may_lie_anywhere(checkout: Checkout) -> None:
    """By its path; and the twin beside it, with one derivative that is wrong, diverges at that operator alone."""
    checkout.follow(FRAMEWORK, without_commands)
    shutil.copytree(checkout.root / "adapters/toy", checkout.root / "some/twin")
    shutil.move(checkout.root / "adapters/toy", checkout.root / "some/toy")
    adapter = checkout.root / "some/twin/adapter.py"
    adapter.write_text(adapter.read_text().replace("1 - y * y", "1 - y"))
    checkout.environment[adapters.variable("twin")] = sys.executable
    run = ("gradconform", "run", "specs/operators/smooth/tanh.yaml", "specs/operators/piecewise/relu.yaml")
    assert checkout.run(*run, "--adapter", "./some/toy", "--adapter", "./some/twin").returncode == 1
    rows = checkout.rows()
    assert verdicts(rows[rows["framework"] == "toy"], "op") == {"relu": {"conforms"}, "tanh": {"conforms"}}
    wrong = rows[rows["verdict"] != "conforms"]
    assert set(zip(wrong["framework"], wrong["op"], wrong["tensor"], strict=True)) == {("twin", "tanh", "grad/x")}


def without_commands(text: str) -> str:
    """The walk of the framework up to its files."""
    return re.sub(r"^gradconform .*\n", "", text, flags=re.M)


def test_the_environment_has_all_that_tox_reads(checkout: Checkout) -> None:
    """One word more than before, and a file for every one that [testenv] names."""
    before = words(checkout.root / "tox.ini")
    checkout.follow(FRAMEWORK, without_commands)
    assert "toy" not in before
    assert sorted([*before, "toy"]) == sorted(words(checkout.root / "tox.ini"))
    named = set(re.findall(r"adapters/\{env_name\}/([\w.-]+)", (checkout.root / "tox.ini").read_text()))
    there = {path.name for path in (checkout.root / "adapters/toy").iterdir() if path.suffix != ".py"}
    # What the lock is made from, tox does not read.
    assert named | {"requirements.txt"} == there
    assert "requirements.txt" not in named


def words(tox: Path) -> list[str]:
    """The environments of the matrix."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(tox, encoding="utf-8")
    return re.findall(r"[\w.-]+", parser["tox"]["env_list"])


@pytest.mark.skipif(not TOX.exists(), reason="no .venv/bin/tox to ask; `make` installs it")
def test_tox_knows_the_environment(checkout: Checkout) -> None:
    """tox itself lists it after the walk, and not before."""
    listing = (str(TOX), "list", "--no-desc", "-q")
    assert "toy" not in checkout.run(*listing).stdout.split()
    checkout.follow(FRAMEWORK, without_commands)
    assert "toy" in checkout.run(*listing).stdout.split()
