"""What is installed: one import package, with adapters and specs among its data; and what others' tools read of it."""

import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
import yaml
from gradconform import paths
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
PRINT = """
from gradconform import paths
print(paths.adapters_folder(), paths.specs_folder(), paths.checkout_root(), sep="\\n")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what a wheel of this checkout installs."""
    folder = tmp_path_factory.mktemp("installed")
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(folder / "dist"), versions=["standard"])
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_a_wheel_installs_one_import_package(installed: Path) -> None:
    """No top-level `adapters`, `specs` or `tests`: a well-known library is called adapters."""
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"gradconform"}


def test_a_wheel_carries_every_adapter_and_spec(installed: Path) -> None:
    """Data of the wheel and of the checkout are the same files, and so is the table of the atlas."""
    for name in ("adapters", "specs"):
        assert files(installed / "gradconform/_data" / name) == files(ROOT / name) != set()
    table = "docs/atlas.csv"
    assert (installed / "gradconform/_data" / table).read_bytes() == (ROOT / table).read_bytes()


def test_a_wheel_says_that_it_is_typed(installed: Path) -> None:
    """By the marker that type checkers look for, and among its classifiers, which hatchling holds against the list."""
    assert (installed / "gradconform" / "py.typed").read_bytes() == b""
    [metadata] = installed.glob("gradconform-*.dist-info/METADATA")
    classifiers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8")).get_all("Classifier")
    assert {"Typing :: Typed", "Framework :: Pytest", "Programming Language :: Python :: 3.11"} <= set(classifiers)


@pytest.mark.process
def test_a_source_archive_has_what_it_takes_to_test(tmp_path: Path) -> None:
    """Everything that git tracks; what runs and builds leave is not in it."""
    [archive] = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(archive) as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(filter(None, tracked.split("\0"))) - inside == set()
    assert not [name for name in inside if re.match(r"(\.tox|\.venv|reports/latest|dist)/", name)]


def hooked(files: list[str]) -> list[str]:
    """The command that pre-commit would run over these files, which may be none of its business."""
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["language"] == "python"
    chosen = [f for f in files if re.search(hook["files"], f) and not re.search(hook["exclude"], f)]
    return [*shlex.split(hook["entry"]), *chosen]


def run_hook(files: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run it in a repository that holds the files, with the command beside this interpreter."""
    program, *arguments = hooked(files)
    found = shutil.which(program, path=str(Path(sys.executable).parent))
    assert found is not None
    return subprocess.run([found, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.process
def test_the_hook_of_pre_commit_checks_specs_and_leaves_other_yaml_alone(tmp_path: Path) -> None:
    """A repository with good specs, lists beside them, and YAML of other tools, some of it broken."""
    (tmp_path / "net" / "specs").mkdir(parents=True)
    shutil.copytree(paths.specs_folder(), tmp_path / "specs")
    shutil.copy(paths.specs_folder() / "networks" / "cnn.yaml", tmp_path / "net" / "specs" / "cnn.yml")
    (tmp_path / "docker-compose.yaml").write_text("services: [")
    names = [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*.y*ml"))]
    checked = hooked(names)[2:]
    assert {"net/specs/cnn.yml", "specs/networks/cnn.yaml", "specs/semantics/kinks.yaml"} <= set(checked)
    others = {"docker-compose.yaml", "specs/known/chainer.yaml", "specs/semantics/conventions/torch.yaml"}
    assert others <= set(names) - set(checked)
    done = run_hook([name for name in names if not name.startswith("net/")], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.process
def test_the_hook_stops_a_spec_with_a_mistake(tmp_path: Path) -> None:
    """The twin: an operator that does not exist, named with its line."""
    (tmp_path / "specs").mkdir()
    text = (paths.specs_folder() / "networks" / "mlp.yaml").read_text(encoding="utf-8")
    assert "op: relu}" in text
    (tmp_path / "specs" / "mlp.yaml").write_text(text.replace("op: relu}", "op: rely}", 1), encoding="utf-8")
    done = run_hook(["specs/mlp.yaml"], tmp_path)
    assert done.returncode == 2
    assert re.search(r"specs/mlp\.yaml:\d+: node \w+: .*rely", done.stderr)


@pytest.mark.process
def test_an_installed_package_finds_its_own_data(installed: Path) -> None:
    """Even beside somebody else's `adapters`, an installed package looks into its own data."""
    (installed / "adapters").mkdir()
    try:
        found = subprocess.run(
            [sys.executable, "-c", PRINT], cwd=installed, capture_output=True, text=True, check=True
        ).stdout.splitlines()
    finally:
        (installed / "adapters").rmdir()
    data = installed / "gradconform/_data"
    assert found == [str(data / "adapters"), str(data / "specs"), "None"]


def test_a_checkout_uses_its_own_folders() -> None:
    """In a checkout, edits of adapters and specs count at once."""
    assert paths.checkout_root() == ROOT
    assert (paths.adapters_folder(), paths.specs_folder()) == (ROOT / "adapters", ROOT / "specs")


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An incomplete installation says which folder was expected where."""
    monkeypatch.setattr(paths, "_DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}/adapters: no such folder"):
        paths.adapters_folder()


def files(folder: Path) -> set[str]:
    """Relative names of the files in a folder, without what interpreters leave there."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
