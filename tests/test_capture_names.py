"""What captures are called, written and read back."""

from __future__ import annotations

import pytest
from gradconform.contract.names import CaptureName


@pytest.mark.parametrize(
    ("text", "name", "framework"),
    [
        ("torch", CaptureName("torch"), "torch"),
        ("chainer-6.3", CaptureName("chainer-6.3"), "chainer"),
        ("my-adapter", CaptureName("my-adapter"), "my-adapter"),
        ("torch#2", CaptureName("torch", copy=2), "torch"),
        ("torch@autograd_grad", CaptureName("torch", "autograd_grad"), "torch"),
        ("chainer-6.3@chainer_grad#3", CaptureName("chainer-6.3", "chainer_grad", 3), "chainer"),
    ],
)
def test_a_name_is_read_as_it_is_written(text: str, name: CaptureName, framework: str) -> None:
    """Both ways, with the framework that the name tells of."""
    assert CaptureName.read(text) == name
    assert str(name) == text
    assert name.framework == framework


def test_a_route_is_held_against_the_primary_capture_of_its_adapter() -> None:
    """Whatever its copy; another adapter's is another."""
    assert CaptureName.read("torch@hooks#2").primary == CaptureName.read("torch")
    assert CaptureName.read("torch@hooks").primary != CaptureName.read("chainer")


@pytest.mark.parametrize("text", ["@hooks", "torch@", "torch#two", "a@b@c", "#2"])
def test_what_no_capture_is_called_is_an_adapter_of_that_name(text: str) -> None:
    """A folder that somebody made is judged under its own name, and is nobody's route or copy."""
    assert CaptureName.read(text) == CaptureName(text)
