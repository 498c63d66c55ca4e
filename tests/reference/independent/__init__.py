"""Forwards that share nothing with the reference. Each module of this folder, one for a family, is found by itself."""

from __future__ import annotations

import importlib
import pkgutil

from oracles import INDEPENDENT

__all__ = ["FAMILIES", "INDEPENDENT"]

FAMILIES: dict[str, str] = {}
"""The module in which each operator has its independent forward."""

for _family in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_family.name}")
    FAMILIES.update(dict.fromkeys(INDEPENDENT.keys() - FAMILIES.keys(), _family.name))
