"""Locks hold all that environments hold, at its version, and nothing of any machine; spoiled ones are noticed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moved import OUR_OWN, installed, lock_of, moved, pinned, version_of, versions_here
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS: dict[str, list[str]] = PROJECT["dependency-groups"]
BUILD: list[str] = PROJECT["build-system"]["requires"]
DEPENDENCIES: list[str] = PROJECT["project"]["dependencies"]
LOCKS = sorted([*ROOT.glob("locks/*.txt"), *ROOT.glob("adapters/**/requirements.lock")])
REQUIREMENTS = sorted(ROOT.glob("adapters/**/requirements.txt"))
# Those that were built, whichever they are: an older version's is there when somebody asked for it.
BUILT = [path for path in [*sorted(ROOT.glob(".tox/*")), ROOT / ".venv"] if (path / "pyvenv.cfg").is_file()]

# An index, a host, a file, or a folder of this machine or another.
PLACE = re.compile(r"//|https?:|file:|(?<![\w.+-])(/|~|[A-Za-z]:\\|\.\.?/)\w|@|^\s*-[a-z-]", re.M)
CUDA = re.compile(r"^(nvidia|cuda|triton)", re.M)


def sources(lock: Path) -> list[str]:
    """The requirements that a lock answers."""
    ours = {
        "harness": DEPENDENCIES,
        "test": DEPENDENCIES + GROUPS["test"],
        "lint": DEPENDENCIES + GROUPS["lint"],
        "lowest": DEPENDENCIES + GROUPS["test"],
        "build": BUILD + GROUPS["build"],
        "tox": GROUPS["tox"],
    }
    if lock.suffix == ".txt":
        return ours[lock.stem]
    lines = lock.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]


def faults_of_text(text: str) -> Iterator[str]:
    """What no lock may hold, whatever it is for."""
    # Comments say for whose sake a package is there, and there name files of the repository.
    told = re.sub(r"(?<= via )-[rc] \w[\w./-]*|(?<=#   )-[rc] \w[\w./-]*", "", text)
    yield from (f"names a place: {told[found.start() :].splitlines()[0]}" for found in PLACE.finditer(told))
    yield from (f"brings CUDA: {found[0]}" for found in CUDA.finditer(text))
    for name, requirement in pinned(re.sub(PLACE, "", text)).items() if not PLACE.search(told) else ():
        version = version_of(requirement)
        if not version:
            yield f"{name} is not exact"
        elif "+" in version:
            yield f"{name} is the build of one machine: {version}"


def unanswered(requirements: list[str], lock: str) -> Iterator[str]:
    """Requirements that are not in their lock, or there at a version that they exclude."""
    locked = pinned(lock)
    for text in requirements:
        requirement = Requirement(text)
        found = locked.get(canonicalize_name(requirement.name))
        if found is None:
            yield f"{requirement} is not in the lock"
        elif not requirement.specifier.contains(version_of(found), prereleases=True):
            yield f"{requirement} excludes {found}"


def differing(lock: str, found: dict[str, str]) -> list[str]:
    """Packages that a lock and an environment do not have alike."""
    return [f"{name}: locked {was}, installed {is_}" for name, was, is_ in moved(versions_here(lock), found)]


def named(path: Path) -> str:
    """A path as a test's name."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("lock", LOCKS, ids=named)
def test_a_lock_is_exact_and_answers_what_is_required(lock: Path) -> None:
    """Every requirement is in it; it names no index, host or folder, and no build of one machine."""
    text = lock.read_text(encoding="utf-8")
    assert list(faults_of_text(text)) == []
    assert list(unanswered(sources(lock), text)) == []
    assert pinned(text)


def test_every_environment_has_a_lock() -> None:
    """Whatever holds requirements, and every group of ours."""
    assert {path.with_suffix(".lock") for path in REQUIREMENTS} == {path for path in LOCKS if path.suffix == ".lock"}
    assert {path.stem for path in LOCKS if path.suffix == ".txt"} == {*GROUPS, "harness", "lowest"}
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert re.findall(r"-r \S*requirements\.txt", re.sub(r"\[testenv:.*-latest\][^[]*", "", text)) == []


@pytest.mark.parametrize("environment", BUILT, ids=named)
def test_an_environment_holds_what_its_lock_says(environment: Path) -> None:
    """Neither a package more nor another version; read from its folder, without starting it."""
    if environment.name.endswith("latest"):
        pytest.skip("the newest of everything has no lock")
    lock = lock_of("tox" if environment.name == ".venv" else environment.name)
    assert lock is not None, f"{environment.name} has no lock; remove it, or add one"
    again = f"; if the lock was renewed, type `.venv/bin/tox run --notest -e {environment.name}`"
    assert differing(lock.read_text(encoding="utf-8"), installed(environment)) == [], again


SPOILED: list[tuple[str, Callable[[str], str], str]] = [
    ("an index", lambda text: "--index-url https://example.org/simple\n" + text, "names a place"),
    ("a host in a comment", lambda text: text.replace("via torch", "via https://example.org/torch", 1), "names"),
    ("a folder", lambda text: "--find-links /srv/wheels\n" + text, "names a place"),
    ("a folder in a comment", lambda text: text.replace("via -r adapters", "via -r /home/me/adapters", 1), "names"),
    ("a file", lambda text: text.replace("filelock==", "filelock @ file:///srv/filelock-", 1), "names a place"),
    ("a drive", lambda text: text + "# C:\\wheels\n", "names a place"),
    ("a range", lambda text: text.replace("sympy==", "sympy>=", 1), "sympy is not exact"),
    ("a pattern", lambda text: re.sub(r"sympy==.*", "sympy==1.*", text), "sympy is not exact"),
    ("no version", lambda text: re.sub(r"sympy==.*", "sympy", text), "sympy is not exact"),
    ("a build", lambda text: re.sub(r"(torch==[\d.]+)", r"\1+cpu", text), "the build of one machine"),
    ("CUDA", lambda text: text + "nvidia-nccl-cu13==2.29.7\n", "brings CUDA"),
    ("a compiler of CUDA", lambda text: text + "triton==3.7.1\n", "brings CUDA"),
    ("a requirement that is missing", lambda text: re.sub(r"numpy==.*", "", text), "numpy>=2 is not in"),
    ("another version of one", lambda text: re.sub(r"\btorch==.*", "torch==2.12.0", text), "torch==2.13.0 excludes"),
]


@pytest.mark.parametrize(("spoil", "said"), [row[1:] for row in SPOILED], ids=[row[0] for row in SPOILED])
def test_a_spoiled_lock_is_noticed(tmp_path: Path, spoil: Callable[[str], str], said: str) -> None:
    """The twin, over torch's lock spoiled in one way."""
    lock = ROOT / "adapters/torch/requirements.lock"
    (tmp_path / "requirements.txt").write_bytes(lock.with_suffix(".txt").read_bytes())
    spoiled = tmp_path / "requirements.lock"
    text = lock.read_text(encoding="utf-8")
    spoiled.write_text(spoil(text), encoding="utf-8")
    assert spoiled.read_text(encoding="utf-8") != text
    found = list(faults_of_text(spoiled.read_text(encoding="utf-8")))
    found += [] if found else unanswered(sources(spoiled), spoiled.read_text(encoding="utf-8"))
    assert any(said in fault for fault in found), found


def test_a_package_beside_the_lock_is_noticed(tmp_path: Path) -> None:
    """The twin: one more, one of another version, one that is not there; a build is no difference."""
    site = tmp_path / "lib/python3.11/site-packages"
    for name, version in {"numpy": "2.4.6", "torch": "2.13.0+cpu", "Extra_One": "1.0", "pip": "25.0"}.items():
        (site / f"{name}-{version}.dist-info").mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (site / f"{name}-{version}.dist-info" / "METADATA").write_text(metadata)
    found = installed(tmp_path)
    alike = "numpy==2.4.6\ntorch==2.13.0\nextra-one==1.0\ncolorama==0.4.6 ; sys_platform == 'nowhere'\n"
    assert differing(alike, found) == []
    assert differing(alike.replace("extra-one==1.0\n", ""), found) == ["extra-one: locked -, installed 1.0"]
    assert differing(alike.replace("2.4.6", "2.4.5"), found) == ["numpy: locked 2.4.5, installed 2.4.6"]
    assert differing(alike + "rich==15.0.0\n", found) == ["rich: locked 15.0.0, installed -"]
    assert "pip" in OUR_OWN


def lowest(requirement: str) -> str:
    """The lower bound of a requirement; empty without one."""
    bounds = [each.version for each in Requirement(requirement).specifier if each.operator in (">=", "==", "~=")]
    return bounds[0] if len(bounds) == 1 else ""


def untried(requirements: list[str], lock: str) -> list[str]:
    """Requirements whose lower bound is not the version that the lock has."""
    locked = pinned(lock)
    found = {text: version_of(locked[canonicalize_name(Requirement(text).name)]) for text in requirements}
    return [f"{text}: tried with {was}" for text, was in found.items() if Version(lowest(text)) != Version(was)]


def test_every_lower_bound_is_tried() -> None:
    """`tox -e lowest` runs the tests with exactly the versions that pyproject.toml calls enough."""
    everything = [*DEPENDENCIES, *BUILD, *(each for group in GROUPS.values() for each in group)]
    assert [each for each in everything if not lowest(each)] == []
    lock = (ROOT / "locks/lowest.txt").read_text(encoding="utf-8")
    assert untried(DEPENDENCIES + GROUPS["test"], lock) == []
    assert untried(["numpy>=1.0"], lock) != []


@pytest.mark.parametrize("path", sorted(ROOT.glob("adapters/*/build-constraints.txt")), ids=named)
def test_what_builds_is_exact(path: Path) -> None:
    """A build next year uses what it uses today."""
    assert list(faults_of_text(path.read_text(encoding="utf-8"))) == []
