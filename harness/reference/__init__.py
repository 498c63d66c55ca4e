"""The float64 definition of every operator. Each module of this folder that defines operators is found by itself."""

from __future__ import annotations

import importlib
import pkgutil

from harness.reference.operator import OPERATORS, Operator, ShapeError

__all__ = ["OPERATORS", "Operator", "ShapeError"]

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
