"""What the tests of the twins share."""

import faults
import pytest
from twins import Problems

SPECS = sorted({spec for fault in faults.BLAMED for spec in fault.blame})


@pytest.fixture(scope="session")
def problems(tmp_path_factory):
    """Every problem that a fault needs, drawn once."""
    return Problems.drawn(tmp_path_factory.mktemp("drawn"), SPECS)
