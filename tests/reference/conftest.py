"""The fixture that `every_case` and `every_exact_case` of cases.py fill."""

from __future__ import annotations

import pytest
from cases import Case


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """One case of an operator, drawn now and kept for the tests after this one."""
    drawn: Case = request.param()
    return drawn
