"""Rows of a problem that cannot be read: it is named, and the other problems are judged."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from gradconform.contract import ContractError, read_document
from gradconform.dtypes import NAMES
from gradconform.rows import Row, Verdict, blank


def rows(problem_folder: Path, captures: Mapping[str, Path], reason: str) -> list[Row]:
    """One `crashed` row for each capture of a problem that cannot be used; nothing is known of their numbers."""
    # Not from problem.json, which may be what is damaged.
    spec, dtype, values = [*problem_folder.name.rsplit(".", 2), "", ""][:3]
    found = []
    for name, folder in captures.items():
        told = _told(folder)
        found.append(blank(
            spec=spec, dtype=dtype if dtype in NAMES else "", verdict=Verdict.CRASHED, reason=reason,
            check="route:primary" if "@" in name else "exact" if values == "exact" else "local",
            framework=told.get("framework", re.sub(r"(-\d[\w.]*)?(#\d+)?(@\w+)?$", "", name)),
            version=told.get("version", ""), route=told.get("route", ""),
        ))  # fmt: skip
    return found


def _told(folder: Path) -> dict[str, str]:
    try:
        document = read_document(folder / "capture.json")
    except ContractError:
        return {}
    return {key: value for key, value in document.items() if isinstance(value, str)}
