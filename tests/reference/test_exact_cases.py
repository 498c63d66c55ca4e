"""Cases marked `exact` round nowhere, and that is proved, not hoped."""

from __future__ import annotations

from typing import Any

import numpy as np
from cases import Case, every_case, every_exact_case
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.exactness import Exact, InexactError
from gradconform.reference.tracked.rounding import UNDERFLOWS
from test_bounds import results, with_bounds

SINGLE = Dtype.of("float32")


def proved(case: Case) -> dict[str, Any]:
    """Every output and gradient, computed without rounding. Raises InexactError."""
    return results(case.map(lambda a: Exact(a, unit=SINGLE)))


@every_exact_case
def test_an_exact_case_is_exact(case: Case) -> None:
    """With small numbers the proof goes through, and float32 gives the same bits as float64."""
    single = results(case.map(lambda a: a.astype(np.float32)))
    for name, exact in proved(case).items():
        np.testing.assert_array_equal(np.asarray(single[name], dtype=float), exact.value, err_msg=name)


@every_exact_case
def test_an_exact_case_in_another_order_gives_the_same_bits(case: Case) -> None:
    """Exact in every order: the tensors turned around along each sum give what the proof says."""
    if case.op.name not in {"linear", "matmul", "sum"}:
        return
    exact = proved(case)["output 0"].value
    if case.op.name == "sum":
        turned = case.with_tensor((0, None), np.flip(case.tensors[0], axis=tuple(case.attributes["dim"])))
    else:
        x, y, *rest = case.tensors
        turned = Case(case.network, (x[..., ::-1], y[..., ::-1] if rest else y[..., ::-1, :], *rest), case.dy)
    np.testing.assert_array_equal(results(turned.map(lambda a: a.astype(np.float32)))["output 0"], exact)


@every_case
def test_a_case_that_rounds_has_no_proof(case: Case) -> None:
    """The twin: with the numbers as drawn, what computes is refused, and what is not refused is exact."""
    try:
        exact = proved(case)
    except InexactError as error:
        assert str(error)
        return
    for name, tracked in with_bounds(case).items():
        assert np.all(tracked.bound() <= UNDERFLOWS * SINGLE.tiny), f"{name} rounds, and was called exact"
    single = results(case.map(lambda a: a.astype(np.float32)))
    for name, value in single.items():
        np.testing.assert_array_equal(np.asarray(value, dtype=float), exact[name].value, err_msg=name)
