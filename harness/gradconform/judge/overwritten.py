"""Outputs that a later node wrote its own result over, as an operator does that works in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradconform.judge.judgement import Array, Judgement
from gradconform.judge.local import LocalCheck
from gradconform.judge.sight import CannotSee, Sight
from gradconform.rows import Verdict


def by(check: LocalCheck, judgement: Judgement, trusted: Mapping[str, Any]) -> str:
    """The node that overwrote a wrong output, of those that read it or a view of it; empty where none did.

    judgement: of the output, which diverges.
    trusted: captured tensor -> numbers that are taken in its place.
    """
    name = judgement.tensor.partition("/")[2]
    if judgement.got is None or judgement.expectation is None or name not in check.makers:
        return ""
    return _below(check, name, judgement.got, {**trusted, judgement.tensor: judgement.expectation})


def _below(check: LocalCheck, name: str, got: Array, trusted: Mapping[str, Any]) -> str:
    """The node behind a tensor that made these very numbers, as its first output, of the right ones."""
    for reader in check.readers[name]:
        tensor = f"output/{reader.name}"
        there = check.capture.tensors.get(tensor)
        # Of another shape it may be a view of the same memory.
        if there is None or there.dtype != got.dtype or there.tobytes() != got.tobytes():
            continue
        if check.problem.exact and check.sight.is_proved(tensor, there):
            return reader.name
        try:
            right = Sight(check.problem, check.capture, check.proof, trusted).forward(reader)[0]
        except CannotSee:
            continue
        if not check.problem.exact and check.output(reader, 0, right).verdict == Verdict.CONFORMS:
            return reader.name
        found = _below(check, reader.name, got, {**trusted, tensor: right})
        if found:
            return found
    return ""
