"""Behaviours judged: written out in a test and answered by hand, or the shipped ones run in real adapters."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gradconform import paths
from gradconform.behaviour import Answer
from gradconform.capture import adapters, together
from gradconform.capture.together import Capturing
from gradconform.contract import Problem, digest
from gradconform.contract.folder import Folder
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import Variant, variants
from gradconform.judge import judge
from gradconform.rows import Row
from gradconform.spec import Network, load
from safetensors.numpy import save_file

FRAMEWORKS = tuple(adapters.names())
SEMANTICS = paths.specs_folder() / "semantics"
HEAD = "about: Behaviours of a test.\nbehaviours:\n"


def behaviour(script: str, ask: str, network: str = "", name: str = "one") -> str:
    """A file with one behaviour: y = (2 x) * w unless another network is given."""
    network = network or (
        "    inputs: {x: {shape: [2], value: [3, -1], grad: true}, w: {shape: [2], value: [2, 4], grad: true}}\n"
        "    nodes: {h: {op: mul_scalar, x: x, value: 2}, y: {op: mul, x: h, y: w}}\n"
        "    cotangent: {value: [1, 5]}\n"
    )
    return f"{HEAD}  {name}:\n{network}    script: {script}\n    ask: {ask}\n"


def problem_of(folder: Path, text: str) -> Problem:
    """The problem of a file with one behaviour."""
    folder.mkdir(parents=True, exist_ok=True)
    spec = folder / "test.yaml"
    spec.write_text(text, encoding="utf-8")
    (network,) = load(spec)
    return draw_problem(network, folder / "problem", dtype="float32", values="drawn")


def write_capture(problem: Problem, folder: Path, answers: Sequence[Answer], **changes: Any) -> Path:
    """A capture that gives these answers. changes: other fields of capture.json; `asked` changes each entry."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {f"ask/{i}": np.asarray(a.array) for i, a in enumerate(answers) if a.array is not None}
    arrays = {name: a.astype("float32") if a.dtype == float else a for name, a in arrays.items()}
    save_file(arrays, str(folder / "capture.safetensors"))
    entry = {"error": None, "reason": None, "nodes": [], **changes.pop("asked", {})}
    asked = [
        {"ask": ask, "outcome": a.outcome, "step": a.step, **entry}
        for ask, a in zip(problem.asks, answers, strict=True)
    ]
    document = {
        "format": 1,
        "status": "ok",
        "reason": None,
        "framework": "honest",
        "version": "1.0",
        "route": "only",
        "problem": problem.digest,
        "digest": digest(folder / "capture.safetensors"),
        "missing": {},
        "asked": asked,
    }
    (folder / "capture.json").write_text(json.dumps({**document, **changes}), encoding="utf-8")
    return folder


def rows_of(problem: Problem, folder: Path, answers: Sequence[Answer], **changes: Any) -> list[Row]:
    """The rows of a capture that gives these answers."""
    return judge(problem.folder, {"honest": write_capture(problem, folder, answers, **changes)})


def gave(*values: Any) -> list[Answer]:
    """Answers with these numbers, in float32; None where there is none."""
    return [Answer("none") if v is None else Answer("value", np.asarray(v, "float32")) for v in values]


@dataclass(frozen=True)
class Shipped:
    """Every shipped behaviour, drawn once."""

    networks: tuple[Network, ...]
    folder: Folder
    variants: tuple[Variant, ...]

    @classmethod
    def drawn(cls, root: Path) -> Shipped:
        """Draw them into a folder."""
        networks = tuple(network for path in sorted(SEMANTICS.glob("*.yaml")) for network in load(path))
        folder, drawn = Folder(root), tuple(variants(networks))
        for v in drawn:
            written = draw_problem(v.network, folder.problem(v.name), dtype=v.dtype, values=v.values)
            folder.digests[v.name] = written.digest
        return cls(networks, folder, drawn)

    def rows(self, where: Path, *names: str) -> list[Row]:
        """The rows of adapters, given by name or folder, before conventions are looked at; claims left out."""
        where.mkdir(parents=True)
        (where / "problems").symlink_to(self.folder.root / "problems")
        captured = Folder(where, self.folder.digests)
        chosen = [adapters.find(name) for name in names]
        together.capture(captured, self.variants, chosen, Capturing(), lambda stage, done, total: None)
        found = []
        for v in self.variants:
            found += judge(captured.problem(v.name), {a.name: captured.capture(a.name, v.name) for a in chosen})
        return [row for row in found if row.check != "claim"]


def twin(framework: str, where: Path, text: str) -> str:
    """A copy of an adapter with a text appended to its script.py."""
    folder = where / framework
    shutil.copytree(paths.adapters_folder() / framework, folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = folder / "script.py"
    script.write_text(script.read_text(encoding="utf-8") + text, encoding="utf-8")
    return str(folder)
