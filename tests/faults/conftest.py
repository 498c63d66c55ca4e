"""What the tests of the twins share."""

import faults
import pytest
from twins import Problems


@pytest.fixture(scope="session")
def problems(tmp_path_factory):
    """Every problem that a fault needs, drawn once."""
    return Problems.drawn(tmp_path_factory.mktemp("drawn"), faults.SPECS)
