"""Adapters that are wrong on purpose: each must be caught, and the faulty node named."""

import faults
import pytest
from twins import blame, rows_of, twin

from harness import commands

frameworks = pytest.mark.parametrize("framework", faults.FRAMEWORKS)


@frameworks
@pytest.mark.parametrize("fault", faults.ALL, ids=lambda fault: fault.name)
def test_a_fault_is_blamed_on_its_node(framework, fault, problems, tmp_path):
    """The fault's tensors fail, and no node is named that is not at fault."""
    folder = twin(framework, tmp_path, fault.changes(framework))
    rows = rows_of(folder, list(fault.blame), problems, tmp_path / "run")
    assert blame(rows) == fault.blame
    assert commands.status_of(rows, absent=False) == commands.DIVERGES
