"""Parameters that come from a file of weights. Only the header of the file is read here."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from gradconform.dtypes import UNDER_TEST
from gradconform.errors import nearest
from gradconform.graph import Shape
from gradconform.spec.draft import Draft
from gradconform.spec.errors import Mistakes, show
from gradconform.spec.model import Tensor

Held = dict[str, tuple[Shape, str]]
# What a file may hold, whatever the dtypes of the spec.
_FLOATS = tuple(dtype.stored for dtype in UNDER_TEST)


def check_weights(draft: Draft, given: list[Tensor], mistakes: Mistakes) -> Path | None:
    """The path of the spec's file of weights; None where it names none.

    Notes what the network needs and the file lacks, and the reverse.
    """
    if draft.form.weights is None:
        return None
    line = draft.line("weights")
    path = draft.path.parent / draft.form.weights
    try:
        if not path.is_file():
            mistakes.add(
                line,
                f"weights: there is no file {show(draft.form.weights)}",
                "the path is relative to the spec",
            )
            return None
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            held = {name: (tuple(part.get_shape()), str(part.get_dtype())) for name, part in slices.items()}
    except (SafetensorError, OSError, ValueError) as error:
        mistakes.add(
            line,
            f"weights: {show(draft.form.weights)} cannot be read: {str(error)[:200]}",
            "expected a safetensors file",
        )
        return None
    if not mistakes.found:
        _compare(held, given, {t.name for t in given if draft.override(t.name)}, line, mistakes)
    return path


def _compare(held: Held, given: list[Tensor], overridden: set[str], line: int, mistakes: Mistakes) -> None:
    """Note what does not fit: each parameter and buffer comes either from the file, in its shape, or from the spec."""
    names = {tensor.name for tensor in given}
    for name in held:
        if name not in names:
            mistakes.add(line, f"weights: the network has no parameter {show(name)}", nearest(name, names))
        elif name in overridden:
            mistakes.add(line, f"weights: {name} is given under `parameters` too", "remove one of them")
    wanted = [tensor for tensor in given if tensor.name not in overridden]
    for tensor in wanted:
        if tensor.name not in held:
            mistakes.add(line, f"weights: the file has no {tensor.name}", nearest(tensor.name, held))
            continue
        shape, dtype = held[tensor.name]
        if shape != tensor.shape:
            mistakes.add(
                line,
                f"weights: {tensor.name} has shape {show(list(shape))}; expected {show(list(tensor.shape))}",
            )
        if dtype not in _FLOATS:
            mistakes.add(line, f"weights: {tensor.name} has type {dtype}; expected {' or '.join(_FLOATS)}")
