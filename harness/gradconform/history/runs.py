"""Runs on disk: the manifest of each, read so that runs of other versions of this harness stay readable."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradconform import dtypes
from gradconform.contract import ContractError, digest
from gradconform.contract.run import MANIFEST, ROWS, FrameworkInfo, RunInfo


@dataclass(frozen=True)
class Run:
    """A finished run: its folder and its manifest."""

    folder: Path
    manifest: RunInfo

    @property
    def rows(self) -> Path:
        """The path of the Parquet file that holds the run's rows."""
        return self.folder / ROWS

    @property
    def started(self) -> str:
        """When the run began, as ISO 8601 in UTC, so that it sorts by time."""
        return self.manifest.started

    def adapter_of(self) -> dict[tuple[str, str], str]:
        """(framework, version) as rows have them -> the adapter, such as `chainer-6.3`."""
        named: dict[tuple[str, str], str] = {}
        for framework in self.manifest.frameworks:
            named.setdefault((framework.name, framework.version), framework.adapter or self._guessed(framework))
        return named

    def _guessed(self, framework: FrameworkInfo) -> str:
        alone = sum(other.name == framework.name for other in self.manifest.frameworks) == 1
        return framework.name if alone else f"{framework.name} {framework.version}"

    def environment(self) -> dict[str, tuple[Any, ...]]:
        """Adapter -> all that may change its rounding. Runs in which that is equal count as repetitions."""
        named = self.adapter_of()
        return {
            named[f.name, f.version]: (
                self.manifest.harness_version,
                f.version,
                f.python,
                f.numpy,
                f.threads,
                f.cpu,
                f.platform,
            )
            for f in self.manifest.frameworks
        }

    def numbers(self) -> dict[tuple[str, str], str]:
        """(spec, dtype) -> a digest of the problems of both, or the seed where the manifest has no digests."""
        found: dict[tuple[str, str], list[str]] = {}
        for variant, told in self.manifest.problems:
            spec, dtype, _ = variant.rsplit(".", 2)
            found.setdefault((spec, dtype), []).append(told)
        digests = {key: hashlib.sha256(" ".join(sorted(told)).encode()).hexdigest() for key, told in found.items()}
        seeds = {(n.name, dtype): f"seed {n.seed}" for n in self.manifest.networks for dtype in dtypes.NAMES}
        return seeds | digests


def open_run(folder: Path) -> Run:
    """Open a run folder, and make sure that its rows are those that its manifest names. Raises ContractError."""
    place = folder / MANIFEST
    try:
        manifest = RunInfo.from_json(place.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ContractError(f"{place}: no such file; expected the folder of a finished run") from error
    except UnicodeDecodeError as error:
        raise ContractError(f"{place}: cannot be read ({error})") from error
    except ValueError as error:
        raise ContractError(f"{folder}: {error}") from error
    except OSError as error:
        raise ContractError(f"{place}: cannot be read ({error})") from error
    rows = folder / ROWS
    try:
        # A manifest from before digests were kept: a Parquet file that was cut lacks its last four bytes.
        expected = manifest.files.get(ROWS)
        damaged = digest(rows) != expected if expected else rows.read_bytes()[-4:] != b"PAR1"
    except OSError as error:
        raise ContractError(f"{rows}: cannot be read ({error.strerror or error})") from error
    if damaged:
        raise ContractError(f"{rows}: damaged or not whole (not what {MANIFEST} speaks of); run again, or remove it")
    return Run(folder, manifest)


def runs_in(folder: Path) -> tuple[list[Run], list[str]]:
    """The runs of a folder, oldest first, and what is wrong with those that cannot be read. Raises ContractError.

    A name that begins with a point is no run: it is being written, or was left by a process that was killed.
    """
    if not folder.is_dir():
        raise ContractError(f"{folder}: no such folder; expected one that `gradconform run --history` writes to")
    runs: list[Run] = []
    refused: list[str] = []
    for place in sorted(folder.iterdir()):
        if place.is_dir() and not place.name.startswith("."):
            try:
                runs.append(open_run(place))
            except ContractError as error:
                refused.append(str(error))
    return sorted(runs, key=lambda run: (run.started, run.folder.name)), refused


def name_of(started: str, rows: Path) -> str:
    """The name of a run's folder in a history, `<UTC time>-<short digest>`.

    It sorts by time, and two runs of one second are told apart.
    """
    time = started.replace("-", "").replace(":", "").replace("+0000", "Z")
    return f"{time}-{digest(rows).removeprefix('sha256:')[:8]}"


def environment_of(run: Run) -> Mapping[tuple[str, str], str]:
    """(of, what) -> value, for everything in a manifest that is not a result, so that two runs can be compared."""
    m = run.manifest
    facts = {
        ("harness", "version"): m.harness_version,
        ("harness", "revision"): m.revision,
        ("harness", "python"): m.python,
        ("harness", "platform"): m.platform,
        ("harness", "cores"): str(m.cores),
        ("harness", "list of known divergences"): m.known,
    }
    named = run.adapter_of()
    for f in m.frameworks:
        of = named[f.name, f.version]
        for what in ("version", "python", "numpy", "cpu", "platform"):
            facts[of, what] = str(getattr(f, what))
        facts[of, "threads"] = str(f.threads or "unknown")
    seeds = {network.name: str(network.seed) for network in m.networks}
    facts |= {(name, "seed"): seed for name, seed in seeds.items()}
    facts |= {(variant.rsplit(".", 2)[0], f"problem {variant}"): value for variant, value in m.problems}
    return facts
