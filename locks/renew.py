"""Renews every lock: `make lock` keeps what still fits, `make lock ARGS=--upgrade` takes the newest of everything.

A lock holds exact versions of everything an environment installs, for that environment's one Python and for the three
platforms below. Nothing in it names an index, a folder or a file, so it means the same on every machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parent.parent
OURS = ROOT / "locks"
# Where a marker is true on all of these it says nothing, and where it is true on none its line is for nobody. Linux on
# ARM gets the lines of the others: there the index's own build of torch brings CUDA, which no lock may hold.
PLATFORMS = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
)
CUDA = re.compile(r"^(nvidia|cuda|triton|pytorch-triton)\b", re.M)
HEADER = "# Exact versions of everything; `make lock` writes this file.\n"


@dataclass(frozen=True)
class Lock:
    """One lock: the file, the requirements it is resolved from, and options of `uv pip compile`."""

    path: Path
    source: str
    pythons: tuple[str, ...]
    options: list[str] = field(default_factory=list)


@dataclass
class Entry:
    """One version of one package: uv's comments below it, the places it is for, the markers uv gave it."""

    notes: list[str] = field(default_factory=list)
    holds: set[int] = field(default_factory=set)
    markers: list[str] = field(default_factory=list)


def python_of(file: Path) -> tuple[str, ...]:
    """The interpreter that a file for tox names first."""
    return (file.read_text(encoding="utf-8").split()[0],)


def locks() -> Iterator[Lock]:
    """Ours, then each framework's and each older version's: whatever folder holds requirements has a lock."""
    ours = python_of(ROOT / ".python-version")
    test, lint = (["--group", f"pyproject.toml:{group}"] for group in ("test", "lint"))
    # Tests and linters see what users of the harness get.
    as_users = ["--constraints", "locks/harness.txt"]
    yield Lock(OURS / "harness.txt", "pyproject.toml", ours)
    yield Lock(OURS / "test.txt", "pyproject.toml", ours, [*test, *as_users])
    yield Lock(OURS / "lint.txt", "pyproject.toml", ours, [*lint, *as_users])
    yield Lock(OURS / "lowest.txt", "pyproject.toml", ours, [*test, "--resolution", "lowest-direct"])
    yield Lock(OURS / "build.txt", "", ours, ["--group", "pyproject.toml:build"])
    # Made by whatever Python is there: make takes any of these.
    yield Lock(OURS / "tox.txt", "", ("3.11", "3.12", "3.13", "3.14"), ["--group", "pyproject.toml:tox"])
    for requirements in sorted(ROOT.glob("adapters/**/requirements.txt")):
        folder = requirements.parent
        framework = folder.relative_to(ROOT / "adapters").parts[0]
        yield Lock(
            folder / "requirements.lock",
            requirements.relative_to(ROOT).as_posix(),
            python_of(folder / "python-version"),
            ["--build-constraints", f"adapters/{framework}/build-constraints.txt"],
        )


def preferred(lock: Lock) -> str:
    """What a lock holds now, without what its requirements name exactly.

    That needs no preference, and a preference for 2.13.0 would rule out the build 2.13.0+cpu.
    """
    text = lock.path.read_text(encoding="utf-8")
    source = (ROOT / lock.source).read_text(encoding="utf-8") if lock.source.endswith("requirements.txt") else ""
    exact = "|".join(map(re.escape, re.findall(r"^([\w.-]+)==", source, re.M)))
    return re.sub(rf"^({exact})==.*\n", "", text, flags=re.M) if exact else text


def resolved(lock: Lock, arguments: list[str]) -> str:
    """What uv makes of it, beginning with what the lock holds now."""
    environments = [f"python_version == '{python}'" for python in lock.pythons]
    with tempfile.TemporaryDirectory() as folder:
        # uv reads for which Pythons to resolve from a project alone.
        (Path(folder) / "pyproject.toml").write_text(f"[tool.uv]\nenvironments = {environments}\n", encoding="utf-8")
        output = Path(folder) / "lock.txt"
        if lock.path.exists():
            output.write_text(preferred(lock), encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--no-header"]
        command += ["--no-emit-index-url", "--no-emit-find-links", "--project", folder, "--output-file", str(output)]
        command += ["--python-version", lock.pythons[0], *lock.options, *arguments]
        command += [lock.source] if lock.source else []
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return output.read_text(encoding="utf-8")


def told(text: str, pythons: tuple[str, ...]) -> str:
    """The same with markers only where platforms or Pythons differ, and without builds such as `+cpu`.

    Which build of a version it is, each machine decides: a folder of wheels here, an index of CPU builds there.
    """
    places = [
        {
            **platform,
            "python_version": python,
            "python_full_version": f"{python}.99",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        for python in pythons
        for platform in PLATFORMS
    ]
    entries: dict[str, Entry] = {}
    entry = Entry()
    for line in text.splitlines():
        if line.startswith((" ", "#")):
            entry.notes.append(line)
            continue
        pinned, _, marker = line.partition(" ; ")
        pinned = re.sub(r"\+[\w.]+$", "", pinned)
        holds = {i for i, place in enumerate(places) if not marker or Marker(marker).evaluate(dict(place))}
        # What holds nowhere goes into an entry that nobody reads.
        entry = entries.setdefault(pinned, Entry()) if holds else Entry()
        entry.holds |= holds
        entry.markers.append(marker)
    lines = []
    for pinned, entry in entries.items():
        if len(entry.holds) == len(places):
            lines.append(pinned)
        elif len(pythons) == 1:
            where = " or ".join(f"sys_platform == '{PLATFORMS[i]['sys_platform']}'" for i in sorted(entry.holds))
            lines.append(f"{pinned} ; {where}")
        else:
            lines.append(f"{pinned} ; {' or '.join(entry.markers)}")
        lines += dict.fromkeys(entry.notes)
    return HEADER + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Renew all locks; say which moved."""
    os.environ.setdefault("UV_FIND_LINKS", os.environ.get("PIP_FIND_LINKS", ""))
    index = os.environ.get("UV_INDEX_URL") or os.environ.get("PIP_INDEX_URL")
    if index:
        os.environ.setdefault("UV_DEFAULT_INDEX", index)
    for lock in locks():
        text = told(resolved(lock, arguments), lock.pythons)
        name = lock.path.relative_to(ROOT)
        if CUDA.search(text):
            print(
                f"{name}: the resolution brings CUDA; name a folder with torch's CPU build in UV_FIND_LINKS, or set "
                "UV_TORCH_BACKEND=cpu",
                file=sys.stderr,
            )
            return 1
        before = lock.path.read_text(encoding="utf-8") if lock.path.exists() else ""
        print(f"{name}: {'the same' if text == before else 'renewed'}", flush=True)
        if text != before:
            lock.path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
