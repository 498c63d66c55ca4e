"""Finding adapters and interpreters: the order of places, and errors that say what to type."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fake_adapter import fake
from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture.adapters import AdapterError


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with three adapters and no environment."""
    for name in ("torch", "chainer", "json"):
        (tmp_path / "adapters" / name).mkdir(parents=True)
        (tmp_path / "adapters" / name / "adapter.py").write_text("")
    for name in ("torch", "chainer", "chainer/versions/chainer-6.3"):
        (tmp_path / "adapters" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "adapters" / name / "requirements.lock").write_text("numpy==2.0\n")
        (tmp_path / "adapters" / name / "python-version").write_text("3.11\n")
        (tmp_path / "adapters" / name / "build-constraints.txt").write_text("")
    monkeypatch.setenv("GRADCONFORM_HOME", str(tmp_path / "home"))
    (tmp_path / "adapters" / "nothing").mkdir()
    (tmp_path / "adapters" / "worker.py").write_text("")
    monkeypatch.setattr(paths, "adapters_folder", lambda: tmp_path / "adapters")
    monkeypatch.setattr(paths, "checkout_root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("TORCH", "CHAINER", "JSON", "CHAINER_6_3", "MINE"):
        monkeypatch.delenv(f"GRADCONFORM_PYTHON_{name}", raising=False)
    return tmp_path


def interpreter(root: Path, environment: str) -> Path:
    """An environment of tox."""
    path = root / ".tox" / environment / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_adapters_that_come_along_are_the_folders() -> None:
    """Each framework's folder is an adapter; nothing else is."""
    folders = {path.parent.name for path in paths.adapters_folder().glob("*/requirements.txt")}
    assert set(adapters.names()) == folders >= {"chainer", "nnabla", "torch"}


def test_the_environment_of_tox_is_found_by_name(checkout: Path) -> None:
    """`torch` in .tox/torch, `chainer-6.3` in .tox/chainer-6.3 with the adapter of chainer."""
    python, old = interpreter(checkout, "torch"), interpreter(checkout, "chainer-6.3")
    found = adapters.find("torch")
    assert (found.name, found.framework, found.interpreter, found.found) == ("torch", "torch", python, ".tox/torch")
    found = adapters.find("chainer-6.3")
    assert (found.name, found.framework, found.interpreter) == ("chainer-6.3", "chainer", old)
    assert found.folder == checkout / "adapters" / "chainer"


def test_a_variable_comes_before_everything(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, a command, a name with a point in it."""
    interpreter(checkout, "torch")
    monkeypatch.setenv("GRADCONFORM_PYTHON_TORCH", sys.executable)
    found = adapters.find("torch")
    assert (found.interpreter, found.found) == (Path(sys.executable), "GRADCONFORM_PYTHON_TORCH")
    monkeypatch.setenv("GRADCONFORM_PYTHON_TORCH", "sh")
    assert adapters.find("torch").interpreter.name == "sh"
    assert adapters.find("torch").interpreter.is_absolute()
    monkeypatch.setenv("GRADCONFORM_PYTHON_CHAINER_6_3", sys.executable)
    assert adapters.find("chainer-6.3").found == "GRADCONFORM_PYTHON_CHAINER_6_3"


def test_this_interpreter_is_taken_where_it_has_the_framework(checkout: Path) -> None:
    """For the framework as such; another version of it is not here."""
    found = adapters.find("json")
    assert (found.interpreter, found.found) == (Path(sys.executable), "this interpreter")
    with pytest.raises(AdapterError, match=r"json-2\.0: no interpreter found"):
        adapters.find("json-2.0")
    interpreter(checkout, "json")
    assert adapters.find("json").found == ".tox/json"


def test_a_folder_anywhere_is_an_adapter(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a path, relative or not; it is called like its folder."""
    folder = fake(checkout / "elsewhere", monkeypatch, name="mine")
    for given in (str(folder), "elsewhere/mine", "./elsewhere/mine/", "elsewhere/../elsewhere/mine"):
        found = adapters.find(given)
        assert (found.name, found.framework, found.folder) == ("mine", "mine", folder)
    monkeypatch.chdir(folder)
    assert adapters.find(".").name == "mine"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("troch", "--adapter troch: no such adapter; there are chainer, json, torch; did you mean torch?"),
        ("chianer-6.3", "did you mean chainer?"),
        ("zzz", "there are chainer, json, torch, or give a folder with a /"),
        ("nothing", "no such adapter"),
        ("", "no such adapter"),
        ("./nothing", "--adapter ./nothing: no adapter.py there"),
        ("adapters/worker.py", "no adapter.py there"),
        (
            "torch",
            "adapter torch: no interpreter found; type `gradconform setup torch`, or set "
            "GRADCONFORM_PYTHON_TORCH to a Python that has torch",
        ),
        ("chainer-6.3", "type `gradconform setup chainer-6.3`, or set GRADCONFORM_PYTHON_CHAINER_6_3"),
    ],
)
def test_what_cannot_be_found_is_said_with_what_to_type(checkout: Path, given: str, said: str) -> None:
    """The name that came, what there is, the nearest, and the next step."""
    with pytest.raises(AdapterError) as caught:
        adapters.find(given)
    assert said in str(caught.value)


def test_without_a_lock_only_the_variable_is_named(checkout: Path) -> None:
    """Nothing can be made for an adapter that brings no lock."""
    (checkout / "adapters" / "torch" / "requirements.lock").unlink()
    with pytest.raises(AdapterError) as caught:
        adapters.find("torch")
    assert "adapter torch: no interpreter found; set GRADCONFORM_PYTHON_TORCH" in str(caught.value)


def test_outside_a_checkout_an_environment_of_the_folder_is_found(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a wheel: where somebody has run tox."""
    monkeypatch.setattr(paths, "checkout_root", lambda: None)
    interpreter(checkout, "torch")
    assert adapters.find("torch").found == ".tox/torch"


@pytest.mark.parametrize("value", ["/nowhere/python", ".", "no-such-command"])
def test_a_variable_that_names_no_interpreter_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """It is never passed over in silence for another interpreter."""
    interpreter(checkout, "torch")
    monkeypatch.setenv("GRADCONFORM_PYTHON_TORCH", value)
    with pytest.raises(AdapterError, match=f"GRADCONFORM_PYTHON_TORCH is '{value}', which cannot be run; set it to"):
        adapters.find("torch")


@pytest.mark.process
def test_an_adapter_describes_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the worker, whatever the framework prints meanwhile."""
    folder = fake(tmp_path, monkeypatch, top="print('{\"reason\": 1}')\nprint('noise', end='')")
    about = adapters.describe(adapters.find(str(folder)))
    assert (about["version"], about["operators"]) == ("1.0", ["relu", "square"])
    assert about["dtypes"] == {"float32": None, "float64": None}


@pytest.mark.process
@pytest.mark.parametrize(
    ("top", "said"),
    [
        ("import no_such_framework", "No module named 'no_such_framework'"),
        ("os._exit(4)", "exit status 4 and not a word"),
        ("print('loading'); os._exit(4)", "loading|not a word"),
        ("sys.stderr.write('no licence\\n'); sys.stderr.flush(); os._exit(1)", "no licence"),
        ("os.write(1, b'[1]\\n'); os._exit(0)", r"\[1\]"),
        ("time.sleep(60)", "no answer within 1.5 s"),
    ],
)
def test_an_adapter_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, top: str, said: str
) -> None:
    """One error with the interpreter and its last word."""
    adapter = adapters.find(str(fake(tmp_path, monkeypatch, top=top)))
    limit = 1.5 if "sleep" in top else 30.0
    with pytest.raises(AdapterError, match=f"adapter fake does not start in .*python.*: .*({said})"):
        adapters.describe(adapter, time_limit=limit)
