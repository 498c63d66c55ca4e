"""What environments hold beside what their locks say: `make moved` prints what the newest of everything moved.

Environments are read from their folders; none is started.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
# What an installer puts there by itself, and the project.
OUR_OWN = {"gradconform", "pip", "setuptools", "wheel"}


def pinned(lock: str) -> dict[str, Requirement]:
    """The requirements of a lock by the name of the package."""
    lines = (line.partition("#")[0].strip() for line in lock.splitlines())
    requirements = (Requirement(line) for line in lines if line)
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def version_of(requirement: Requirement) -> str:
    """The version that a line of a lock names; empty where it names none exactly."""
    exact = [each.version for each in requirement.specifier if each.operator == "==" and "*" not in each.version]
    return exact[0] if len(requirement.specifier) == len(exact) == 1 else ""


def versions_here(lock: str) -> dict[str, str]:
    """The versions of a lock by the name of the package, without those for other platforms."""
    here = {name: each for name, each in pinned(lock).items() if each.marker is None or each.marker.evaluate()}
    return {name: version_of(requirement) for name, requirement in here.items()}


def installed(environment: Path) -> dict[str, str]:
    """Versions by the name of the package, without the build (`+cpu`), which no lock holds."""
    [site] = environment.glob("lib/python*/site-packages")
    return {
        canonicalize_name(found.metadata["Name"]): found.version.partition("+")[0]
        for found in distributions(path=[str(site)])
    }


def lock_of(environment: str) -> Path | None:
    """The lock that an environment is made from; one with the newest of everything has that of its locked twin."""
    name = {".pkg": "build", "latest": "test"}.get(environment, environment.removesuffix("-latest"))
    ours, adapters = ROOT / "locks" / f"{name}.txt", ROOT / "adapters"
    found = [ours, adapters / name / "requirements.lock", *adapters.glob(f"*/versions/{name}/requirements.lock")]
    return next((path for path in found if path.is_file()), None)


def moved(locked: dict[str, str], found: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Each package whose version differs: its name, the locked version, the installed one; `-` where there is none."""
    for name in sorted((locked.keys() | found.keys()) - OUR_OWN | (locked.keys() & found.keys())):
        if locked.get(name) != found.get(name):
            yield name, locked.get(name, "-"), found.get(name, "-")


def table(folder: Path) -> str:
    """Markdown: a row for each package of each environment that holds the newest of everything."""
    rows, environments = [], sorted(path for path in folder.glob("*latest") if path.is_dir())
    for environment in environments:
        lock = lock_of(environment.name)
        assert lock is not None, f"{environment.name}: no lock to compare with"
        locked = versions_here(lock.read_text(encoding="utf-8"))
        rows += [(environment.name, *row) for row in moved(locked, installed(environment))]
    if not environments:
        return "No environment with the newest of everything was built.\n"
    if not rows:
        return "Nothing moved: the newest of everything is what the locks hold.\n"
    lines = ["| environment | package | locked | newest |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(ROOT / ".tox"))
