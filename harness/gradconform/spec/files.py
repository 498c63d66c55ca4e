"""Files and folders of specs, loaded together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gradconform import paths
from gradconform.contract import ContractError
from gradconform.spec import Network, SpecError, load
from gradconform.spec.errors import Mistake


def networks(specs: Sequence[Path]) -> list[Network]:
    """The networks of some files and folders; of specs/networks and specs/semantics where none is named.

    Raises SpecError with the mistakes of all files, ContractError where there are no specs.
    """
    places = list(specs) or [paths.specs_folder() / "networks", paths.specs_folder() / "semantics"]
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
