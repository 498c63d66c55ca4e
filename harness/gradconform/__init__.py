"""gradconform: a cross-framework gradient conformance harness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradconform.version import __version__

if TYPE_CHECKING:
    from gradconform.report.notebook import load_run, worst
    from gradconform.testing.conforms import assert_conforms

__all__ = ["__version__", "assert_conforms", "load_run", "worst"]


def __getattr__(name: str) -> Any:
    # The pytest plugin is imported at every start of pytest, so nothing heavy may be imported before it is asked for.
    if name == "assert_conforms":
        from gradconform.testing.conforms import assert_conforms

        return assert_conforms
    if name in ("load_run", "worst"):
        from gradconform.report import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
