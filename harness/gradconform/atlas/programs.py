"""Running programs of a few lines in a framework's interpreter, and surviving those that crash it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradconform.capture.adapters import Adapter, AdapterError, worker

SECONDS = 600.0
"""So long may all programs of one framework take."""

_WORDS = {"nan": "NaN", "inf": "Infinity"}


@dataclass(frozen=True)
class Printed:
    """What a program printed.

    tensors: the numbers by the name before them, in float64.
    error: the exception that ended it, on one line; empty where it ran to its end.
    """

    tensors: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    error: str = ""


def run(adapter: Adapter, programs: Mapping[str, str], alone: Collection[str] = ()) -> tuple[str, dict[str, Printed]]:
    """The framework's version, and what each program printed, by name. Raises AdapterError where nothing runs at all.

    alone: names of programs that run in a process of their own.
    """
    version, found = "", dict[str, Printed]()
    together = {name: text for name, text in programs.items() if name not in alone}
    for batch in (together, *({name: programs[name]} for name in programs if name in alone)):
        version = _run(adapter, batch, found) or version
    if programs and not version:
        why = next(iter(found.values())).error
        raise AdapterError(f"adapter {adapter.name}: its programs do not run in {adapter.interpreter}: {why}")
    return version, found


def _run(adapter: Adapter, programs: Mapping[str, str], found: dict[str, Printed]) -> str:
    """Run programs one after another, in a new process behind each that ends one; the framework's version."""
    version, left = "", dict(programs)
    with tempfile.TemporaryDirectory(prefix="gradconform-atlas-") as folder:
        while left:
            results = Path(folder) / "results.jsonl"
            lines, error = _attempt(adapter, left, Path(folder), results)
            for line in lines:
                version = line["version"]
                found[line["name"]] = Printed(numbers_of(line["printed"]), line["error"])
                del left[line["name"]]
            if left:
                # It was at this one that the process ended.
                name = next(iter(left))
                found[name] = Printed(error=f"crashed: {error}")
                del left[name]
                if not version:
                    # Not one program of this batch: the framework does not come up.
                    break
    return version


def _attempt(
    adapter: Adapter, programs: Mapping[str, str], folder: Path, results: Path
) -> tuple[list[dict[str, Any]], str]:
    """The lines of the programs that one process was through with, and how it ended."""
    job = folder / "job.json"
    tasks = [{"name": name, "program": text} for name, text in programs.items()]
    job.write_text(json.dumps({"adapter": str(adapter.folder), "programs": tasks, "results": str(results)}))
    results.unlink(missing_ok=True)
    command = [str(adapter.interpreter), "-I", "-W", "ignore", str(worker()), "--programs", str(job)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            env=environment,
            check=False,
        )
        error = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    except subprocess.TimeoutExpired:
        error = f"no end within {SECONDS:g} s"
    except OSError as failed:
        raise AdapterError(f"adapter {adapter.name}: {adapter.interpreter}: {failed.strerror}") from failed
    written = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return [json.loads(line) for line in written if line.endswith("}")], error


def numbers_of(printed: str) -> dict[str, NDArray[Any]]:
    """Name -> numbers, of the lines that hold both; a framework may print others."""
    found = {}
    for line in printed.splitlines():
        name, _, text = line.partition(" ")
        if re.fullmatch(r"output|grad/\w+", name):
            found[name] = np.asarray(json.loads(re.sub("nan|inf", lambda word: _WORDS[word[0]], text)), float)
    return found
