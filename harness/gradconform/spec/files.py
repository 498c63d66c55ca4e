"""Files and folders of specs, loaded together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gradconform import paths
from gradconform.contract import ContractError
from gradconform.errors import UsageError, nearest
from gradconform.spec import Network, SpecError, load
from gradconform.spec.errors import Mistake
from gradconform.spec.form import FILE_NAME

_SHIPPED = ("networks", "semantics", "operators")


def networks(specs: Sequence[Path]) -> list[Network]:
    """The networks of some files and folders; of specs/networks and specs/semantics where none is named.

    What comes along may be called by its name alone: `lstm`, `relu`. A path of that name wins.
    Raises SpecError with the mistakes of all files, ContractError where there are no specs, UsageError at a name that
    nothing has.
    """
    places = [_place(spec) for spec in specs] or [paths.specs_folder() / "networks", paths.specs_folder() / "semantics"]
    files: dict[Path, Path] = {}
    for given in places:
        for file in sorted(given.rglob("*.yaml")) if given.is_dir() else [given]:
            # What frameworks do to behaviours lies beside them and holds no spec.
            if not given.is_dir() or file.parent.name != paths.CONVENTIONS:
                files.setdefault(file.resolve(), file)
    loaded: list[Network] = []
    mistakes: list[Mistake] = []
    for file in files.values():
        try:
            loaded.extend(load(file))
        except SpecError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise SpecError(mistakes)
    if not loaded:
        raise ContractError(f"{', '.join(map(str, places))}: no specs there; expected *.yaml")
    by_name: dict[str, Path] = {}
    for network in loaded:
        first = by_name.setdefault(network.name, network.path)
        if first != network.path:
            raise ContractError(
                f"{network.path}: is called {network.name!r} like {first}; give one of them another `name`"
            )
    return loaded


def shipped() -> dict[str, Path]:
    """Name -> path of each spec that comes along: networks, behaviours and the cases of operators.

    A network that is called like an operator comes first: `lstm` is the network.
    """
    root = paths.specs_folder()
    files = [path for path in sorted(root.rglob("*.yaml")) if path.relative_to(root).parts[0] in _SHIPPED]
    files.sort(key=lambda path: path.parent == root / "networks")
    return {path.stem: path for path in files if path.parent.name != paths.CONVENTIONS}


def _place(spec: Path) -> Path:
    """Where a spec is that may be called by its name. Raises UsageError where it is neither a path nor a name."""
    word = str(spec)
    if spec.exists() or spec.suffix == ".yaml" or not re.fullmatch(FILE_NAME, word):
        return spec
    known = shipped()
    if word not in known:
        hint = nearest(word, known) or "expected a YAML file, a folder, or a name that `gradconform list` shows"
        raise UsageError(f"{word}: no such file or folder, and nothing that comes along is called so; {hint}")
    return known[word]
