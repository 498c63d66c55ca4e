"""`gradconform setup`: environments from the locks that come along, in the user's cache, where adapters find them.

The installers are stand-ins that write down what they were called with; they make a folder with an interpreter in it.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import click.testing
import pytest
from gradconform import paths
from gradconform.capture import adapters, environments
from gradconform.command.main import main

pytestmark = pytest.mark.process

UV = """#!{python}
import os, sys
from pathlib import Path
with open({log!r}, "a") as log:
    names = ("UV_TORCH_BACKEND", "UV_FIND_LINKS", "UV_DEFAULT_INDEX")
    told = [f"{{name}}={{os.environ.get(name, '')}}" for name in names]
    print(" ".join(sys.argv[1:]), *told, file=log)
if sys.argv[1] == "venv":
    folder = Path(sys.argv[-1])
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to({python!r})
    (folder / "made").write_text("by " + str(os.getpid()))
print("error: a word of the installer")
sys.exit({status})
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a checkout without environments, and adapters with locks of our own."""
    folder = tmp_path / "adapters"
    for name, python in (("toy", "{}.{}".format(*sys.version_info)), ("toy/versions/toy-1.0", "3.1")):
        (folder / name).mkdir(parents=True)
        (folder / name / "requirements.lock").write_text("# exact\nnumpy==1.0\n    # via toy\ntoy==2.0\n")
        (folder / name / "python-version").write_text(python + "\n")
    (folder / "toy" / "build-constraints.txt").write_text("setuptools==69.0\n")
    (folder / "toy" / "adapter.py").write_text("")
    monkeypatch.setattr(paths, "adapters_folder", lambda: folder)
    monkeypatch.setattr(paths, "checkout_root", lambda: None)
    monkeypatch.setenv(environments.HOME, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(adapters, "describe", lambda adapter: {"version": f"9 of {adapter.interpreter}"})
    for variable in ("PIP_FIND_LINKS", "UV_FIND_LINKS", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_TORCH_BACKEND"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def with_uv(place: Path, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> Path:
    """A stand-in for uv on the path, and the file where it writes down its calls."""
    log, uv = place / "calls", place / "path" / "uv"
    uv.parent.mkdir(exist_ok=True)
    uv.write_text(UV.format(python=sys.executable, log=str(log), status=status))
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{uv.parent}{os.pathsep}{os.environ['PATH']}")
    return log


def gradconform(*arguments: str) -> click.testing.Result:
    """The command, with a wide terminal."""
    return click.testing.CliRunner().invoke(main, list(arguments), env={"COLUMNS": "250"})


def test_an_environment_is_made_once_and_found(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv is told the interpreter and the lock, nothing else is resolved, and the adapter then has an interpreter."""
    log = with_uv(place, monkeypatch)
    done = gradconform("setup", "toy")
    assert done.exit_code == 0, done.output
    venv, install = log.read_text().splitlines()
    lock = place / "adapters" / "toy" / "requirements.lock"
    assert venv.startswith(f"venv --quiet --python {sys.executable} {place / 'home' / 'environments' / 'toy-'}")
    assert f"--no-deps -r {lock} " in install
    assert "Python {}.{} and 2 packages".format(*sys.version_info) in done.output
    found = adapters.find("toy")
    assert found.found == "gradconform setup"
    assert found.interpreter.is_relative_to(place / "home")
    assert f"9 of {found.interpreter}" in done.output
    again = gradconform("setup", "toy")
    assert "is there" in again.output
    assert len(log.read_text().splitlines()) == 2


def test_another_lock_is_another_environment(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an older gradconform made is not taken for that of a newer one."""
    with_uv(place, monkeypatch)
    gradconform("setup", "toy")
    before = adapters.find("toy").interpreter
    lock = place / "adapters" / "toy" / "requirements.lock"
    lock.write_text(lock.read_text().replace("2.0", "2.1"))
    with pytest.raises(adapters.AdapterError, match="type `gradconform setup toy`, or set GRADCONFORM_PYTHON_TOY"):
        adapters.find("toy")
    assert gradconform("setup", "toy").exit_code == 0
    assert adapters.find("toy").interpreter != before


def test_one_that_was_killed_is_made_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the mark that is written last, a folder is no environment."""
    with_uv(place, monkeypatch)
    gradconform("setup", "toy")
    folder = environments.recipe("toy").folder
    (folder / environments.DONE).unlink()
    (folder / "rest").touch()
    assert environments.recipe("toy").interpreter is None
    assert gradconform("setup", "toy").exit_code == 0
    assert not (folder / "rest").exists()


def test_an_installer_that_fails_is_quoted_and_nothing_is_found(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its words and its log are named; the exit status is that of a framework that cannot be run."""
    with_uv(place, monkeypatch, status=1)
    done = gradconform("setup", "toy")
    assert done.exit_code == 3
    assert f"toy: error: a word of the installer; the whole log is {place / 'home' / 'toy.log'}" in done.output
    assert environments.recipe("toy").interpreter is None


def test_a_missing_interpreter_is_one_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no Python 3.1, and without uv nobody fetches it."""
    monkeypatch.setenv("PATH", str(place))
    done = gradconform("setup", "toy-1.0")
    assert done.exit_code == 3
    assert "toy-1.0 needs Python 3.1, and no python3.1 is installed; install it, or uv, which fetches it" in done.output
    assert "Traceback" not in done.output


def test_an_unknown_name_is_refused_with_the_nearest(place: Path) -> None:
    """Before anything is made."""
    done = gradconform("setup", "toj")
    assert done.exit_code == 2
    assert "toj: no such environment; did you mean 'toy'?" in done.output


def test_what_pip_is_told_is_handed_to_uv(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv reads no variable of pip's; where no folder of wheels is named it takes torch's build for the CPU."""
    log = with_uv(place, monkeypatch)
    gradconform("setup", "toy")
    assert "UV_TORCH_BACKEND=cpu UV_FIND_LINKS= UV_DEFAULT_INDEX=" in log.read_text()
    (environments.recipe("toy").folder / environments.DONE).unlink()
    log.unlink()
    monkeypatch.setenv("PIP_FIND_LINKS", "wheels")
    monkeypatch.setenv("PIP_INDEX_URL", "mirror")
    gradconform("setup", "toy")
    assert "UV_TORCH_BACKEND= UV_FIND_LINKS=wheels UV_DEFAULT_INDEX=mirror" in log.read_text()


def test_list_says_what_there_is_and_makes_nothing(place: Path) -> None:
    """Every environment that comes along, older versions too."""
    done = gradconform("setup", "--list")
    assert done.exit_code == 0
    assert "toy-1.0: Python 3.1: not made; type `gradconform setup toy-1.0`" in done.output
    assert not (place / "home").exists()
