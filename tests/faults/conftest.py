"""What the tests of the twins share."""

import pytest
from twins import Problems

SPECS = ("cnn", "transformer", "three_readers", "residual_train", "lenet", "strided")


@pytest.fixture(scope="session")
def problems(tmp_path_factory):
    """Every problem that a fault needs, drawn once."""
    return Problems.drawn(tmp_path_factory.mktemp("drawn"), SPECS)
