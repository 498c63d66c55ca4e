"""Problems and captures on disk: the whole interface between the harness and a framework (docs/contract.md)."""

from __future__ import annotations

from gradconform.contract.capture import Capture, read_capture
from gradconform.contract.files import (
    FORMAT,
    Array,
    ContractError,
    Tensors,
    digest,
    explained,
    read_document,
    write_whole,
)
from gradconform.contract.forms import REASONS, Asked, Claim
from gradconform.contract.problem import Problem, fingerprint, read_problem, write_problem

__all__ = [
    "FORMAT",
    "REASONS",
    "Array",
    "Asked",
    "Capture",
    "Claim",
    "ContractError",
    "Problem",
    "Tensors",
    "digest",
    "explained",
    "fingerprint",
    "read_capture",
    "read_document",
    "read_problem",
    "write_problem",
    "write_whole",
]
