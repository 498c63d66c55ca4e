"""Which cases of which operators the tests of this folder are run with, and the fixture that gives them."""

from __future__ import annotations

import pytest
from cases import Case, of_tests
from selection import whole


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `cases` is run with a few cases of each operator; with all by night and where `-k` selects some."""
    mark = metafunc.definition.get_closest_marker("cases")
    if mark is not None:
        metafunc.parametrize("case", of_tests(mark, every=whole(metafunc.config)), indirect=True)


@pytest.fixture
def case(request: pytest.FixtureRequest) -> Case:
    """One case of an operator, drawn now and kept for the tests after this one."""
    drawn: Case = request.param()
    return drawn
