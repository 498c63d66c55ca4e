"""Rows of a problem that cannot be read: it is named, and the other problems are judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gradconform.contract import ContractError, read_document
from gradconform.contract.names import CaptureName
from gradconform.dtypes import NAMES
from gradconform.judge.routes import ROUTE_OF_PRIMARY
from gradconform.reasons import Reason
from gradconform.rows import Check, CheckKind, Row, Verdict, blank


def rows(problem_folder: Path, captures: Mapping[str, Path], reason: str) -> list[Row]:
    """One `crashed` row for each capture of a problem that cannot be read; nothing is known of its numbers."""
    # Not from problem.json, which may be what is damaged.
    spec, dtype, values = [*problem_folder.name.rsplit(".", 2), "", ""][:3]
    check = Check(CheckKind.EXACT if values == "exact" else CheckKind.LOCAL)
    rows = []
    for name, folder in captures.items():
        document, called = _document(folder), CaptureName.read(name)
        rows.append(
            blank(
                spec=spec,
                dtype=dtype if dtype in NAMES else "",
                verdict=Verdict.CRASHED,
                reason=Reason(reason),
                check=ROUTE_OF_PRIMARY if called.route else check,
                framework=document.get("framework", called.framework),
                version=document.get("version", ""),
                route=document.get("route", ""),
            )
        )
    return rows


def _document(folder: Path) -> dict[str, str]:
    try:
        document = read_document(folder / "capture.json")
    except ContractError:
        return {}
    return {key: value for key, value in document.items() if isinstance(value, str)}
