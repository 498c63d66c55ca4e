"""What is installed: one import package, with adapters and specs among its data."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from harness import paths

ROOT = Path(__file__).resolve().parent.parent
PRINT = """
from harness import paths
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
    assert {path.name.partition("-")[0] for path in installed.iterdir()} == {"harness", "gradconform"}


def test_a_wheel_carries_every_adapter_and_spec(installed: Path) -> None:
    """Data of the wheel and of the checkout are the same files."""
    for name in ("adapters", "specs"):
        assert files(installed / "harness/_data" / name) == files(ROOT / name) != set()


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
    data = installed / "harness/_data"
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
