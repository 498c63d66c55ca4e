"""Second order and forward mode of an operator, from its forward and its VJP by dual numbers (`tracked/dual.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradconform.reference.operator import Operator
from gradconform.reference.tracked import slopes  # noqa: F401 - its rules are registered by being imported
from gradconform.reference.tracked.dual import Dual


def jvp(
    operator: Operator, tensors: Sequence[Any], tangents: Sequence[Any], attributes: Mapping[str, Any]
) -> tuple[Any, ...]:
    """The Jacobian-vector product J t: the tangent of each output; None where it is zero everywhere.

    tensors, tangents: one for each slot, of one array type (a list for a variadic slot); a tangent of None is zero.

    Of the first output it is what a framework makes that differentiates its backward in the gradient that arrives: for
    an elementwise operator, whose Jacobian is diagonal, the VJP of the tangent.
    """
    if all(tangent is None for tangent in tangents):
        return (None,) * len(operator.run_forward(tensors, attributes)) if operator.several else (None,)
    if operator.elementwise:
        return operator.run_vjp(tangents[0], tensors, attributes)
    if operator.has_jvp:
        return (operator.run_jvp(tangents, tensors, attributes),)
    return tuple(map(_tangent, operator.run_forward(_duals(tensors, tangents), attributes)))


def second_vjp(
    operator: Operator,
    dy: Any,
    dy_tangent: Any,
    tensors: Sequence[Any],
    tangents: Sequence[Any],
    attributes: Mapping[str, Any],
) -> tuple[Any, ...]:
    """J^T s + H t for each slot: what a double backward leaves in it; None where that is zero, or it has no gradient.

    dy: the gradient that arrives, as the VJP takes it. dy_tangent: s, what the second backward leaves in dy, a tuple
    where dy is one; None for zero. tensors, tangents: as for `jvp`. H is the Hessian of <dy, f> over all slots
    together.
    """
    pairs = zip(dy, dy_tangent, strict=True) if operator.several else [(dy, dy_tangent)]
    duals = [Dual(arrived, tangent) for arrived, tangent in pairs]
    found = operator.run_vjp(operator.dy_of(duals), _duals(tensors, tangents), attributes)
    return tuple([_tangent(part) for part in each] if isinstance(each, list) else _tangent(each) for each in found)


def _duals(tensors: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    return [
        _duals(tensor, tangent if isinstance(tangent, list) else [None] * len(tensor))
        if isinstance(tensor, list)
        else tensor
        if tensor is None or tangent is None
        else Dual(tensor, tangent)
        for tensor, tangent in zip(tensors, tangents, strict=True)
    ]


def _tangent(result: Any) -> Any:
    return result.tangent if isinstance(result, Dual) else None
