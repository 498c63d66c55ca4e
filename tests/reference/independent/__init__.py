"""Forwards that share nothing with the reference, in a module for each family.

A module is called like the family's file in harness/gradconform/reference/operators, and each `Forward` in it like the
operator that it is of. No list is kept.
"""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from oracles import Forward

__all__ = ["FAMILIES", "INDEPENDENT", "forwards_of"]


def forwards_of(module: ModuleType) -> dict[str, Forward]:
    """Operator -> independent forward, of all that a module defines."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Forward)}


FAMILIES: dict[str, dict[str, Forward]] = {
    family.name: forwards_of(importlib.import_module(f"{__name__}.{family.name}"))
    for family in pkgutil.iter_modules(__path__)
}
"""Family -> operator -> independent forward."""

INDEPENDENT: dict[str, Forward] = {name: one for forwards in FAMILIES.values() for name, one in forwards.items()}
"""Operator -> independent forward."""
