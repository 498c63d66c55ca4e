"""Dropout, which conforms to something in evaluation mode alone."""

from __future__ import annotations

from typing import Any

from gradconform.reference.attributes import Flag, Probability
from gradconform.reference.operator import Dims, ShapeError, operator


@operator(elementwise=True, moves=True)
def dropout(x: Any, *, p: Probability, training: Flag) -> Any:
    """The identity: dropout in evaluation mode, whatever p. Training mode is refused by the shape rule."""
    return x


@dropout.vjp
def dropout_vjp(dy: Any, x: Any, *, p: float, training: bool) -> Any:
    return (dy,)


@dropout.shape
def dropout_shape(x: Dims, *, training: Flag) -> Dims:
    if training:
        raise ShapeError("training is true; expected false: a random mask is no property to conform to")
    return x
