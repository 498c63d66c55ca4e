"""A finished run in a notebook: a DataFrame that shows first what a reader asks first."""

from __future__ import annotations

from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from gradconform.contract.run import RunInfo
from gradconform.report.faults import rows_of, severity
from gradconform.report.files import MANIFEST, read
from gradconform.report.summary import summary_of
from gradconform.words import counted, figure

SHOWN = 20
_FIRST = ["verdict", "spec", "node", "tensor", "check", "framework", "version", "dtype", "ratio", "worst_index", "got",
          "expected", "reason", "culprit"]  # fmt: skip


class Run(pd.DataFrame):
    """The rows of a run; what is selected from it is a plain DataFrame.

    manifest: what else is known of the run; None where the folder has none.
    """

    _metadata = ["manifest"]
    manifest: RunInfo | None

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def worst(self, n: int = SHOWN) -> pd.DataFrame:
        """The n rows furthest from conforming, in the columns that are read first."""
        ordered = sorted(range(len(self)), key=lambda i: severity(self._rows[i]), reverse=True)
        return pd.DataFrame(self).iloc[ordered[:n]][_FIRST]

    @property
    def _rows(self) -> list[Any]:
        if "_cached" not in self.__dict__:
            object.__setattr__(self, "_cached", rows_of(pd.DataFrame(self)))
        return list(self.__dict__["_cached"])

    def _told(self) -> tuple[str, str]:
        head = summary_of(pd.DataFrame(self), self.manifest).headline
        return head.sentence, " ".join([head.scope, *head.gaps])

    def __repr__(self) -> str:
        shown = self.worst().to_string(index=False, float_format=figure, max_colwidth=40)
        return "\n".join([*self._told(), "", shown, self._rest()])

    def _repr_html_(self) -> str:
        sentence, scope = (escape(text) for text in self._told())
        table = self.worst().to_html(index=False, float_format=figure, escape=True, border=0)
        return f"<p><strong>{sentence}</strong><br>{scope}</p>{table}<p>{escape(self._rest())}</p>"

    def _rest(self) -> str:
        shown, columns = min(SHOWN, len(self)), f"{len(_FIRST)} of {len(self.columns)} columns"
        return f"The worst {shown} of {counted(len(self), 'row')}, in {columns}."


def load_run(folder: str | PathLike[str]) -> Run:
    """The rows of a finished run folder. Raises FileNotFoundError, ValueError."""
    run = Run(read(Path(folder)))
    path = Path(folder) / MANIFEST
    run.manifest = RunInfo.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None
    return run
