"""The frameworks' own environments outside a checkout: made from the locks that come along, in the user's cache folder.

An environment is told by its name and by a digest of its lock and its Python's version. So one that an older
gradconform made is never taken for that of a newer one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from platformdirs import user_cache_path

from gradconform import paths
from gradconform.errors import GradconformError, nearest

HOME = "GRADCONFORM_HOME"
"""The variable that names another folder than the user's cache for the environments."""

DONE = "made-by-gradconform"
"""The file that is written into an environment last."""


class SetupError(GradconformError):
    """An environment cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Recipe:
    """What an environment is made from.

    name: the environment's, such as `chainer` or `chainer-6.3`.
    lock: exact versions of everything, a file that pip and uv read.
    constraints: what a build from source may use, in the same form.
    python: the version of the interpreter, such as `3.10`.
    """

    name: str
    lock: Path
    constraints: Path
    python: str

    @property
    def folder(self) -> Path:
        """Where the environment is, or will be."""
        told = self.lock.read_bytes() + self.constraints.read_bytes() + self.python.encode()
        return home() / "environments" / f"{self.name}-{hashlib.sha256(told).hexdigest()[:12]}"

    @property
    def count(self) -> int:
        """How many packages the environment holds."""
        lines = self.lock.read_text(encoding="utf-8").splitlines()
        return sum(bool(line.strip()) and not line.lstrip().startswith(("#", "-")) for line in lines)

    @property
    def interpreter(self) -> Path | None:
        """The Python of the environment; None where the environment is not there or not whole."""
        python = self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        return python if (self.folder / DONE).exists() and python.exists() else None


def home() -> Path:
    """The folder of this user's environments; GRADCONFORM_HOME names another."""
    told = os.environ.get(HOME)
    return Path(told).expanduser() if told else user_cache_path("gradconform")


def recipes() -> dict[str, Recipe]:
    """Name -> recipe of every environment that comes along, older versions last."""
    adapters = paths.adapters_folder()
    found = [(lock.parent.name, lock) for lock in sorted(adapters.glob("*/requirements.lock"))]
    found += [(lock.parent.name, lock) for lock in sorted(adapters.glob("*/versions/*/requirements.lock"))]
    return {name: _recipe(name, lock, adapters) for name, lock in found}


def _recipe(name: str, lock: Path, adapters: Path) -> Recipe:
    framework = lock.relative_to(adapters).parts[0]
    python = (lock.parent / "python-version").read_text(encoding="utf-8").strip()
    return Recipe(name, lock, adapters / framework / "build-constraints.txt", python)


def recipe(name: str) -> Recipe:
    """The recipe of the environment that is called so. Raises SetupError."""
    known = recipes()
    if name not in known:
        raise SetupError(f"{name}: no such environment; {nearest(name, known) or 'known: ' + ', '.join(known)}")
    return known[name]


def make(wanted: Recipe, log: Path) -> Path:
    """Make an environment, unless it is there, and return its interpreter. Raises SetupError.

    log: a file that gets the words of the installers. With uv where it is there, else with venv and pip; two processes
    that make the same environment wait for each other.
    """
    folder = wanted.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if (there := wanted.interpreter) is not None:
            return there
        # Left by a process that was killed.
        shutil.rmtree(folder, ignore_errors=True)
        uv = shutil.which("uv")
        for command in _with_uv(uv, wanted) if uv else _with_pip(wanted):
            _run(command, wanted, log)
        (folder / DONE).touch()
    made = wanted.interpreter
    if made is None:
        raise SetupError(f"{wanted.name}: {folder} has no interpreter; its log is {log}")
    return made


def _with_uv(uv: str, wanted: Recipe) -> Iterator[Sequence[str]]:
    python = _installed(wanted.python)
    # uv fetches an interpreter where none is installed and the network allows.
    yield [uv, "venv", "--quiet", "--python", python or wanted.python, str(wanted.folder)]
    yield [uv, "pip", "install", "--python", str(wanted.folder), "--no-deps", "-r", str(wanted.lock)]


def _with_pip(wanted: Recipe) -> Iterator[Sequence[str]]:
    python = _installed(wanted.python)
    if python is None:
        raise SetupError(
            f"{wanted.name} needs Python {wanted.python}, and no python{wanted.python} is installed; install it, or "
            "uv, which fetches it"
        )
    yield [python, "-m", "venv", str(wanted.folder)]
    inside = str(wanted.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    yield [inside, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "-r", str(wanted.lock)]


def _installed(version: str) -> str | None:
    """An interpreter of this version: on the PATH, this one, or one of pyenv's."""
    if sys.version.startswith(f"{version}."):
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    of_pyenv = sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)
    candidates = [shutil.which(f"python{version}"), *of_pyenv]
    for candidate in filter(None, candidates):
        # A shim of pyenv is there for versions that are not chosen, and then does not run.
        ask = [str(candidate), "-c", "import sys, venv; print('%d.%d' % sys.version_info[:2])"]
        try:
            answer = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return str(candidate)
    return None


def _run(command: Sequence[str], wanted: Recipe, log: Path) -> None:
    with log.open("ab") as out:
        out.write(f"$ {' '.join(command)}\n".encode())
        out.flush()
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=_environment(wanted), check=False
            )
        except OSError as error:
            raise SetupError(f"{wanted.name}: {command[0]} cannot be run: {error.strerror or error}") from error
    if done.returncode:
        text = log.read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        raise SetupError(f"{wanted.name}: {_reason(lines, wanted)}; the whole log is {log}")


def _reason(lines: Sequence[str], wanted: Recipe) -> str:
    """Why an installer failed: its own last words, or a sentence of ours where it found no interpreter."""
    if any(re.search(r"No interpreter found for Python|No download found for request", line) for line in lines):
        python = wanted.python
        return f"needs Python {python}, which is not installed and cannot be fetched; install python{python}"
    errors = [line for line in lines if re.match(r"(?i)(error|×)", line)]
    return (errors or lines or ["the installer said nothing"])[-1]


def _environment(wanted: Recipe) -> Mapping[str, str]:
    """What the installers are told: how to build, and where packages are.

    uv reads none of pip's variables: what they say of an index or of a folder of wheels is handed on. Where neither is
    named, uv is asked for torch's build for the CPU; UV_TORCH_BACKEND=auto asks for another.
    """
    told = dict(os.environ)
    # An environment that is active, or a package folder of ours, is none of theirs.
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
        told.pop(name, None)
    told["UV_BUILD_CONSTRAINT"] = told["PIP_BUILD_CONSTRAINT"] = str(wanted.constraints)
    # Before pip 25.3 builds are held by this one.
    told["PIP_CONSTRAINT"] = str(wanted.constraints)
    for ours, pips in (("UV_FIND_LINKS", "PIP_FIND_LINKS"), ("UV_DEFAULT_INDEX", "PIP_INDEX_URL")):
        if ours not in told and told.get(pips):
            told[ours] = told[pips]
    if not told.get("UV_FIND_LINKS"):
        told.setdefault("UV_TORCH_BACKEND", "cpu")
    return told
