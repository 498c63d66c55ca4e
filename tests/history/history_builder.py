"""Nights as runs leave them: a folder of a manifest and rows, changed in one way where a test asks for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from gradconform.history.runs import Run, name_of, open_run
from gradconform.report import files
from gradconform.report.frame import frame_of
from gradconform.rows import Row, blank

FRAMEWORKS = {"torch": ("torch", "2.13.0"), "chainer": ("chainer", "7.8.1"), "chainer-6.3": ("chainer", "6.3.0")}


def rows(adapters: Sequence[str] = ("torch", "chainer"), specs: Sequence[str] = ("cnn", "mlp")) -> list[Row]:
    """Rows that conform: two tensors judged, one measured against another framework."""
    return [row for name in adapters for spec in specs for row in _of(name, spec, adapters)]


def _of(name: str, spec: str, adapters: Sequence[str]) -> Iterator[Row]:
    framework, version = FRAMEWORKS[name]
    row = blank(
        spec=spec,
        node="fc",
        op="linear",
        kind="output",
        framework=framework,
        version=version,
        route="only",
        dtype="float32",
        shape="[2, 3]",
        verdict="conforms",
    )
    yield replace(row, tensor="output/fc", check="local", ratio=0.5)
    yield replace(row, tensor="grad/fc.weight", kind="grad_param", check="local", ratio=0.75)
    for other in adapters:
        if other != name:
            yield replace(row, tensor="output/fc", check=f"cross:{FRAMEWORKS[other][0]}", verdict="measured")


def manifest(adapters: Sequence[str] = ("torch", "chainer"), specs: Sequence[str] = ("cnn", "mlp")) -> dict[str, Any]:
    """A manifest as `run.json` has it."""
    return {
        "command": "gradconform run",
        "started": "2026-01-01T02:17:00+00:00",
        "seconds": 1.5,
        "seed": None,
        "revision": "a" * 40,
        "harness_version": "0.1.0",
        "platform": "Linux",
        "python": "3.11.7",
        "cores": 2,
        "known": "k",
        "absent": [],
        "networks": [{"name": name, "about": "", "path": "", "nodes": [["fc", "linear"]], "seed": 0} for name in specs],
        "problems": [[f"{name}.float32.drawn", f"sha256:{name}"] for name in specs],
        "frameworks": [
            {
                "name": FRAMEWORKS[name][0],
                "adapter": name,
                "version": FRAMEWORKS[name][1],
                "python": "3.11.7",
                "numpy": "2.0",
                "threads": 1,
                "interpreter": "python",
                "cpu": "a processor",
                "platform": "Linux",
            }
            for name in adapters
        ],
    }


def night(folder: Path, of: Sequence[Row], day: int = 1, told: dict[str, Any] | None = None, **changes: Any) -> Run:
    """Write one run among others. day: of the year 2026."""
    started = f"2026-{(day - 1) // 28 + 1:02}-{(day - 1) % 28 + 1:02}T02:17:00+00:00"
    document = {**(manifest() if told is None else told), "started": started, **changes}
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"new-{day}"
    writers: dict[str, files.Writer] = {
        files.PARQUET: partial(files.write_parquet, frame_of(list(of))),
        "run.json": lambda path: path.write_text(json.dumps(document), encoding="utf-8"),
    }
    files.write_files(place, writers)
    return open_run(place.rename(folder / name_of(started, place / files.PARQUET)))
