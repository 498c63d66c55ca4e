"""Programs of a few lines, run one after another in a framework's interpreter; what each prints is kept.

Valid Python 3.8.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any


def run(tasks: list[dict[str, str]], version: str, results: Path) -> None:
    """Run programs and write a line of JSON for each as soon as it is done, so that none is lost when one crashes.

    tasks: each with `name` and `program`.
    A line has `name`, `version`, `printed` and, where the program raised, `error`.
    """
    with results.open("w", encoding="utf-8") as file:
        for task in tasks:
            printed, error = _printed(task["program"], task["name"])
            line: dict[str, Any] = {"name": task["name"], "version": version, "printed": printed, "error": error}
            file.write(json.dumps(line) + "\n")
            file.flush()


def _printed(program: str, name: str) -> tuple[str, str]:
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(program, name, "exec"), {"__name__": "__main__"})
    except Exception as error:  # noqa: BLE001 - whatever a program raises is what it is asked for
        return out.getvalue(), "%s: %s" % (type(error).__name__, " ".join(str(error).split()))
    return out.getvalue(), ""
