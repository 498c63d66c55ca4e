"""The defaults of frameworks, read from signatures and from the adapters' own source."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from gradconform import paths
from gradconform.command.defaults import differ
from gradconform.command.main import main

_spec = importlib.util.spec_from_file_location("defaults", paths.adapters_folder() / "defaults.py")
assert _spec is not None
assert _spec.loader is not None
defaults = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(defaults)

FRAMEWORK = """
def plain(x, slope=0.2, *, keep=True):
    return x

def hidden(x, **kwargs):
    eps, _ = parse(kwargs, ('eps', 2e-5), ('axis', None))

def compiled(*arguments):
    "compiled(input, size, stride=1, padding=(0, 0)) -> Tensor"
"""
ADAPTER = """
import framework as F

def _ours(x, slope):
    return x

def op_direct(x, *, slope, keep):
    return F.plain(x, slope, keep=keep)

def op_turned(x, *, slope):
    return F.plain(x, 1 - slope)

def op_converted(x, *, slope):
    return F.plain(x, tuple(slope))

def op_nested(x, *, eps):
    return F.plain(F.hidden(x, eps=eps), 3)

def op_by_place(x, *, size, stride, padding):
    return F.compiled(x, size, stride, padding)

def op_own(x, *, slope):
    return _ours(x, slope)
"""


@pytest.fixture
def operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[..., Any]]:
    """The operators of an adapter of a framework that is made up."""
    (tmp_path / "framework.py").write_text(FRAMEWORK)
    (tmp_path / "adapter_made_up.py").write_text(ADAPTER)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("framework", "adapter_made_up"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    framework: types.ModuleType = importlib.import_module("framework")
    # Of a compiled function nothing but the documentation is known.
    monkeypatch.setattr(framework, "compiled", _Compiled(framework.compiled.__doc__))
    module = importlib.import_module("adapter_made_up")
    return {name[3:]: function for name, function in vars(module).items() if name.startswith("op_")}


class _Compiled:
    """A callable without a signature."""

    def __init__(self, text: str) -> None:
        self.__doc__ = text

    @property
    def __signature__(self) -> Any:
        raise ValueError("no signature found")

    def __call__(self, *arguments: Any) -> None:
        """Never called."""


def test_each_attribute_has_the_argument_that_it_becomes(operators: dict[str, Callable[..., Any]]) -> None:
    """Direct, turned round, converted, inside another call, by place in what is compiled; not what is our own."""
    found = defaults.defaults(operators)
    assert found["direct"] == {
        "slope": [{"call": "F.plain(slope)", "default": "0.2"}],
        "keep": [{"call": "F.plain(keep)", "default": "True"}],
    }
    assert found["turned"]["slope"] == [{"call": "F.plain(slope)", "default": "0.2", "through": "1 - slope"}]
    assert found["converted"]["slope"] == [{"call": "F.plain(slope)", "default": "0.2", "through": "tuple(slope)"}]
    assert found["nested"]["eps"] == [{"call": "F.hidden(eps)", "default": "2e-05"}]
    assert found["by_place"] == {
        "size": [{"call": "F.compiled(size)", "default": "must be given"}],
        "stride": [{"call": "F.compiled(stride)", "default": "1"}],
        "padding": [{"call": "F.compiled(padding)", "default": "(0, 0)"}],
    }
    assert "own" not in found


@pytest.mark.parametrize(
    ("told", "differing"),
    [
        (["0.01", "0.2", "0.1"], True),
        (["0.1", "0.1", "0.1"], False),
        (["0.1", "-", "must be given"], False),
        (["0.1", "its signature cannot be read", "0.2"], True),
    ],
)
def test_what_differs_is_what_is_known_to(told: list[str], differing: bool) -> None:
    """A framework of which nothing is known says nothing."""
    assert differ(told) is differing


@pytest.mark.process
def test_the_famous_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three slopes of one leaky ReLU, an eps that is twice another, a momentum that is counted the other way round."""
    monkeypatch.delenv("COLUMNS", raising=False)
    frameworks = [text for name in ("torch", "chainer", "nnabla") for text in ("--adapter", name)]
    result = CliRunner().invoke(main, ["defaults", "leaky_relu", "batch_norm", *frameworks])
    assert result.exit_code == 0, result.output
    lines = {tuple(line.lstrip("* ").split()[:2]): line for line in result.output.splitlines()}
    slope, eps, momentum = (
        lines[at] for at in (("leaky_relu", "negative_slope"), ("batch_norm", "eps"), ("batch_norm", "momentum"))
    )
    assert slope.startswith("*")
    assert [word for word in slope.split() if word in ("0.01", "0.2", "0.1")] == ["0.01", "0.2", "0.1"]
    assert eps.startswith("*")
    assert "2e-05" in eps
    assert not momentum.startswith("*")
    assert "0.1  F.batch_normalization(decay_rate), of 1 - momentum" in momentum


def test_a_misspelt_operator_has_a_nearest_name() -> None:
    """One sentence, status 2."""
    result = CliRunner().invoke(main, ["defaults", "leaky_rleu"])
    assert result.exit_code == 2
    assert "did you mean 'leaky_relu'?" in result.output
