"""Where adapters and specs are: in the checkout, or in an installed package among its data."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_DATA = _PACKAGE / "_data"

CONVENTIONS = "conventions"
"""The folder beside behaviours that says what each framework does; it holds no spec."""


def adapters_folder() -> Path:
    """The folder that holds `worker.py` and one folder for each framework."""
    return _found("adapters")


def specs_folder() -> Path:
    """The folder that holds `networks/`, `operators/`, `semantics/` and `known/`."""
    return _found("specs")


def atlas_table() -> Path:
    """The file with what was measured of the atlas, which `gradconform atlas --out docs` writes."""
    return _found("docs") / "atlas.csv"


def checkout_root() -> Path | None:
    """The root of the checkout that this package is imported from; None where it was installed from a wheel."""
    # A wheel is told by its data, never by what lies beside it: site-packages may hold somebody's `adapters` too.
    return None if _DATA.is_dir() else _PACKAGE.parent.parent


def _found(name: str) -> Path:
    folder = (checkout_root() or _DATA) / name
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder}: no such folder; expected the {name} of gradconform there; "
            "install gradconform again, or use a complete checkout"
        )
    return folder
