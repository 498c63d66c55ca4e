"""Texts of specs that the tests of this folder share, and ways to load them."""

from __future__ import annotations

import textwrap
from pathlib import Path

from gradconform.spec import Network, SpecError, load

GOOD = """\
name: good
about: A network with every kind of thing in it.
seed: 3
dtypes: [float32]
values: [drawn, exact]
exact_output: third
inputs:
  x: {shape: [2, 6], grad: true, normal: [0.1, 2.0]}
  t: {shape: [2], integers: [0, 4]}
parameters:
  first.bias: {value: 0.5}
blocks:
  basic:
    inputs: [x]
    arguments: [width]
    nodes:
      fc: {op: linear, out_features: $width, bias: false}
      act: {op: tanh}
    output: act
nodes:
  first: {op: linear, x: x, out_features: 5, bias: true}
  second: {op: leaky_relu, negative_slope: 1e-2}
  use: {block: basic, x: second, with: {width: 5}}
  both: {op: cat, xs: [second, use], dim: 1}
  third: {op: linear, out_features: 4}
  loss: {op: cross_entropy, target: t, reduction: mean}
output: loss
cotangent: {uniform: [0.5, 2.0]}
claims:
  - {says: what the first layer gives, source: a book, framework: torch, of: output/use, value: 1.5, digits: 2}
"""


def changed(*replacements: tuple[str, str], text: str = GOOD) -> str:
    """The text with each of the replacements made, every one of which must apply."""
    for old, new in replacements:
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
        text = text.replace(old, new)
    return text


def load_text(folder: Path, text: str | bytes, name: str = "spec.yaml", **options: int) -> tuple[Network, ...]:
    """The networks of a file with this text."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
    return load(path, **options)


def complaints(folder: Path, text: str | bytes, **options: int) -> list[tuple[int, str]]:
    """Line and text of every problem; none where the spec loads."""
    try:
        load_text(folder, text, **options)
    except SpecError as error:
        assert error.mistakes
        return [(p.where.line, f"{p.message}; {p.hint}" if p.hint else p.message) for p in error.mistakes]
    return []
