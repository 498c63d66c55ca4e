"""The faults that are listed, in networks of which no list has heard, in the frameworks that have them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from gradconform import assert_conforms, paths
from gradconform.command.main import main
from gradconform.judge.lists import load
from gradconform.report.files import read

pytestmark = pytest.mark.process

# What specs are run in only where somebody asks for it.
HALVES = ("float16", "bfloat16")

LAYER_NORM = """
about: Rows far from zero between a linear layer and another.
inputs: {x: {shape: [4, 6], grad: true}}
dtypes: [float32]
nodes:
  wide:   {op: linear, x: x, out_features: 16}
  far:    {op: add_scalar, value: 400.0}
  normed: {op: layer_norm, eps: 1.0e-05}
  bent:   {op: tanh}
  out:    {op: linear, out_features: 3}
"""
BATCH_NORM = """
about: Channels far from zero between convolutions, normalised and read twice.
inputs: {x: {shape: [3, 2, 6, 6], grad: true}}
dtypes: [float32]
nodes:
  features: {op: conv2d, x: x, out_channels: 4, kernel_size: 3, stride: 1, padding: 1, dilation: 1, groups: 1}
  far:      {op: add_scalar, value: 700.0}
  normed:   {op: batch_norm, eps: 1.0e-05, momentum: 0.1, training: true}
  bent:     {op: relu, x: normed}
  sum:      {op: add, x: bent, y: normed}
  out:      {op: conv2d, out_channels: 2, kernel_size: 3, stride: 1, padding: 0, dilation: 1, groups: 1}
"""
SOFTPLUS = """
about: Softplus and its neighbours on both sides of 20, from the same numbers.
inputs: {x: {shape: [6, 20], normal: [0.0, 15.0], grad: true}}
dtypes: [float64]
nodes:
  gelu:     {op: gelu, x: x, approximate: none}
  silu:     {op: silu, x: x}
  softplus: {op: softplus, x: x}
  one:      {op: add, x: gelu, y: silu}
  out:      {op: add, x: one, y: softplus}
"""
POOL = """
about: Padded average pooling in one branch of three.
inputs: {x: {shape: [2, 3, 8, 8], grad: true}}
dtypes: [float32]
nodes:
  features: {op: conv2d, x: x, out_channels: 4, kernel_size: 3, stride: 1, padding: 1, dilation: 1, groups: 1}
  pooled:   {op: avg_pool2d, x: features, kernel_size: 3, stride: 1, padding: 1, count_include_pad: false}
  one:      {op: conv2d, x: features, out_channels: 4, kernel_size: 1, stride: 1, padding: 0, dilation: 1, groups: 1}
  bent:     {op: relu, x: one}
  joined:   {op: add, x: pooled, y: bent}
  more:     {op: add, x: joined, y: features}
  out:      {op: tanh, x: more}
"""
LOST = """
about: A row of NaN that goes through functions that choose; what none of them hands on is lost behind them all.
inputs: {x: {shape: [2, 3], value: [[.nan, .nan, .nan], [0.5, -1.0, 2.0]], grad: true}}
dtypes: [float32]
nodes:
  bent:  {op: tanh, x: x}
  kept:  {op: relu, x: bent}
  cut:   {op: clamp, x: bent, min: -0.5, max: 0.5}
  least: {op: minimum, x: bent, y: cut}
  sum:   {op: add, x: kept, y: least}
  out:   {op: sigmoid, x: sum}
"""


@pytest.mark.parametrize(
    ("text", "framework", "known"),
    [
        (LOST, "nnabla", {"output/kept", "output/cut", "output/least"}),
        (LAYER_NORM, "nnabla", {"output/normed", "grad/far", "grad/normed.weight"}),
        (BATCH_NORM, "nnabla", {"output/normed", "output/normed.running_var", "grad/far", "grad/normed.weight"}),
        (SOFTPLUS, "torch", {"output/softplus", "grad/x"}),
        (POOL, "chainer", {"grad/more", "grad/features", "grad/one"}),
    ],
)
def test_a_listed_fault_elsewhere(tmp_path: Path, text: str, framework: str, known: set[str]) -> None:
    """It is known, and nothing else is wrong."""
    net = tmp_path / "mine.yaml"
    net.write_text(text)
    rows = assert_conforms(net, adapters=framework)
    assert {row.tensor for row in rows if row.verdict == "known"} == known


@pytest.mark.parametrize("name", ["pooled_sum", "layer_norm.far", "softplus.far"])
def test_a_users_spec_of_a_listed_name(tmp_path: Path, name: str) -> None:
    """Nothing is asked of it but what it is: a linear layer, which conforms."""
    net = tmp_path / "mine.yaml"
    net.write_text(
        f"name: {name}\nabout: Mine.\ninputs: {{x: {{shape: [2, 3], grad: true}}}}\n"
        "nodes: {y: {op: linear, x: x, out_features: 2}}\n"
    )
    rows = assert_conforms(net, adapters=["torch", "chainer", "nnabla"])
    assert {str(row.verdict) for row in rows} <= {"conforms", "measured", "unsupported"}


@pytest.mark.nightly
@pytest.mark.parametrize("framework", ["torch", "chainer", "nnabla"])
def test_each_entry_shows_in_its_own_network(framework: str) -> None:
    """What comes along is up to date: nothing vanished, nothing is news."""
    entries = [e for e in load(paths.specs_folder() / "known") if e.framework == framework and e.check == "local"]
    for file, dtype in {(e.shows.file, e.dtype if e.dtype in HALVES else None) for e in entries}:
        rows = assert_conforms(file, adapters=framework, dtype=dtype)
        assert {row.tensor for row in rows if row.verdict == "known"}, (file.name, dtype)


@pytest.mark.nightly
@pytest.mark.parametrize("framework", ["torch", "chainer", "nnabla"])
def test_each_entry_of_second_order_shows(framework: str, tmp_path: Path) -> None:
    """Where gradients are differentiated once more: each entry covers something, and nothing is news."""
    known = load(paths.specs_folder() / "known")
    entries = [e for e in known if e.framework == framework and e.check == "second_order"]
    assert entries
    files = [str(file) for file in {entry.shows.file for entry in entries}]
    command = ["run", *files, "--adapter", framework, "--order", "2", "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    rows = read(tmp_path / "run")
    rows = rows[(rows.check == "second_order") & (rows.verdict == "known")]
    shown = {
        (op, tensor.partition("/")[0])
        for ops, tensor in zip(rows.culprit_op, rows.tensor, strict=True)
        for op in ops.split()
    }
    assert {(entry.operator, entry.tensor.partition("/")[0]) for entry in entries} <= shown


def test_the_lists_can_be_left_aside(tmp_path: Path) -> None:
    """By option a listed fault diverges as if it were news; not on a cluster, which says so before anything is done."""
    net = tmp_path / "mine.yaml"
    net.write_text(SOFTPLUS)
    command = ["run", str(net), "--adapter", "torch", "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert set(read(tmp_path / "out").query("verdict == 'known'")["tensor"]) == {"output/softplus", "grad/x"}
    assert CliRunner().invoke(main, [*command, "--no-known"]).exit_code == 1
    assert set(read(tmp_path / "out").query("verdict == 'diverges'")["tensor"]) == {"output/softplus", "grad/x"}
    refused = CliRunner().invoke(main, [*command, "--no-known", "--cluster", "local"])
    assert refused.exit_code == 2
    assert "--no-known: a cluster judges by the lists that come along" in refused.stderr
