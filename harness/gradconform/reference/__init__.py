"""The float64 definition of every operator, and what a network of them computes.

Each module of the folder `operators` that defines operators is found by itself.
"""

from __future__ import annotations

import importlib
import pkgutil

from gradconform.reference import operators
from gradconform.reference.operator import OPERATORS, Operator, ShapeError

__all__ = ["OPERATORS", "Operator", "ShapeError"]

for _family in pkgutil.iter_modules(operators.__path__):
    importlib.import_module(f"{operators.__name__}.{_family.name}")
