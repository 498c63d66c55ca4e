"""The few cases of each operator that are tested by day."""

from __future__ import annotations

import pytest
from cases import every_case, every_exact_case, few, networks, of_tests
from gradconform.reference import OPERATORS


def test_every_operator_has_some_and_none_has_many() -> None:
    """One or two, out of its own."""
    chosen = few(networks())
    counts = {name: sum(network.nodes[0].op == name for network in chosen) for name in OPERATORS}
    assert set(counts.values()) <= {1, 2}
    assert {network.name for network in chosen} < {network.name for network in networks()}


@pytest.mark.parametrize("mark", [every_case.mark, every_exact_case.mark], ids=["drawn", "exact"])
def test_by_night_there_are_all(mark: pytest.Mark) -> None:
    """None is left off; with exact numbers all that say they are exact."""
    wanted = [n.name for n in networks() if "exact" in n.values or not mark.kwargs]
    assert [param.id for param in of_tests(mark, every=True)] == wanted
    assert {param.id for param in of_tests(mark, every=False)} < set(wanted)
