"""Finding adapters and the interpreters that run them."""

from __future__ import annotations

import difflib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradconform import paths
from gradconform.capture import environments
from gradconform.errors import GradconformError


class AdapterError(GradconformError, LookupError):
    """An adapter or its interpreter cannot be used; the message says what to set or type."""


@dataclass(frozen=True)
class Adapter:
    """An adapter folder and the interpreter for it.

    name: what the user typed, or the name of the folder (`torch`, `chainer-6.3`).
    framework: the name of the folder.
    folder: where it is.
    interpreter: the framework's own Python.
    found: how the interpreter was found.
    """

    name: str
    framework: str
    folder: Path
    interpreter: Path
    found: str


def names() -> list[str]:
    """The names of the adapters that come along with the package."""
    return sorted(p.parent.name for p in paths.adapters_folder().glob("*/adapter.py"))


def find(name_or_folder: str) -> Adapter:
    """The adapter that is called so, or that lies in a folder anywhere. Raises AdapterError.

    `chainer-6.3` is the adapter `chainer` in the environment of another version.
    """
    name, folder = folder_of(name_or_folder)
    interpreter, found = _interpreter(name, folder.name)
    return Adapter(name, folder.name, folder, interpreter, found)


def folder_of(given: str) -> tuple[str, Path]:
    """The name and the folder of an adapter, whether or not an interpreter for it is here. Raises AdapterError."""
    as_path = Path(given).expanduser()
    if os.sep in given or given in (".", ".."):
        folder = as_path.resolve()
        if not (folder / "adapter.py").is_file():
            raise AdapterError(f"--adapter {given}: no adapter.py there; expected an adapter's folder")
        return folder.name, folder
    known = names()
    folder = paths.adapters_folder() / (given if given in known else given.partition("-")[0])
    if not (folder / "adapter.py").is_file():
        close = difflib.get_close_matches(given, known, 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise AdapterError(
            f"--adapter {given}: no such adapter; there are {', '.join(known)}{hint}, or give a folder with a /"
        )
    return given, folder


def variable(name: str) -> str:
    """The environment variable that names an adapter's interpreter."""
    return "GRADCONFORM_PYTHON_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def _interpreter(name: str, framework: str) -> tuple[Path, str]:
    told = os.environ.get(variable(name))
    if told:
        # A path, or a command such as python3.10.
        path = shutil.which(Path(told).expanduser())
        if path is None:
            raise AdapterError(
                f"{variable(name)} is {told!r}, which cannot be run; set it to a Python that has {framework}"
            )
        return Path(path).absolute(), variable(name)
    root = paths.checkout_root()
    for place in [p for p in (root, Path.cwd()) if p is not None]:
        python = place / ".tox" / name / "bin" / "python"
        if python.exists():
            return python, f".tox/{name}"
    recipe = environments.recipes().get(name)
    if recipe is not None and (made := recipe.interpreter) is not None:
        return made, "gradconform setup"
    if name == framework and _importable(framework):
        return Path(sys.executable), "this interpreter"
    make = f"type `gradconform setup {name}`, or " if recipe is not None else ""
    raise AdapterError(
        f"adapter {name}: no interpreter found; {make}set {variable(name)} to a Python that has {framework}"
    )


def _importable(framework: str) -> bool:
    try:
        found = importlib.util.find_spec(framework) if framework.isidentifier() else None
    except (ImportError, ValueError):
        return False
    # A mere folder of that name, such as the adapter's own, is a package without an origin.
    return found is not None and found.origin is not None


def describe(adapter: Adapter, *, time_limit: float = 120.0) -> Mapping[str, Any]:
    """What the worker says of an adapter: version, python, numpy, dtypes, routes, operators.

    Raises AdapterError.
    """
    command = [str(adapter.interpreter), "-I", str(worker()), "--describe", str(adapter.folder)]
    where = f"adapter {adapter.name} does not start in {adapter.interpreter}"
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=time_limit,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AdapterError(f"{where}: no answer within {time_limit:g} s") from error
    except OSError as error:
        raise AdapterError(f"{where}: {error.strerror or error}") from error
    lines = done.stdout.strip().splitlines()
    try:
        described = json.loads(lines[-1])
        if not isinstance(described, dict):
            raise ValueError(f"{lines[-1]!r} is no JSON object")
    except (ValueError, IndexError, RecursionError) as error:
        said = done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode} and not a word"
        raise AdapterError(f"{where}: {said.splitlines()[-1]}") from error
    if described.get("reason"):
        raise AdapterError(f"{where}: {str(described['reason']).strip().splitlines()[-1]}")
    return described


def worker() -> Path:
    """The path of the worker, the one file that every framework's interpreter runs."""
    return paths.adapters_folder() / "worker.py"
