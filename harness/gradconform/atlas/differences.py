"""What is known to differ from the reference, as specs/atlas/differences/ has it: of which kind, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from gradconform import paths
from gradconform.atlas.conditions import FOLDER, read_file
from gradconform.errors import nearest
from gradconform.spec.errors import Mistakes
from gradconform.spec.form import About, Form, Text
from gradconform.spec.text import Item

DIFFERENCES = "differences"


class Kind(StrEnum):
    """Of which kind a difference from the reference is, the worst first."""

    FAULT = "fault"
    ACCURACY = "accuracy"
    DEFINITION = "definition"
    CONVENTION = "convention"

    @property
    def about(self) -> str:
        """What the kind means, for a reader of the table."""
        return _ABOUT[self]


_ABOUT = {
    Kind.FAULT: "no reading makes it right",
    Kind.ACCURACY: "the right law, and digits that are lost: to cancellation, or to what overflows on the way",
    Kind.DEFINITION: "another function, another default or another domain under the same name",
    Kind.CONVENTION: "several answers can be defended, such as the subgradient at a kink or what NaN becomes",
}


class _Entry(Form):
    """A difference as it is written."""

    kind: Kind
    says: Annotated[str, Field(min_length=20, max_length=400)]
    link: Annotated[str, Field(pattern=r"^(https://\S+)?$")] = ""
    of: Annotated[dict[str, Annotated[list[Text], Field(min_length=1)]], Field(min_length=1)]


class _File(Form):
    """A file of differences."""

    about: About
    framework: Text
    differences: Annotated[list[_Entry], Field(min_length=1)]


@dataclass(frozen=True)
class Difference:
    """What a person says of one way in which a framework differs from the reference.

    framework: the adapter's name.
    key: what it is called in the table, such as `torch-3`.
    kind: of which kind the difference is.
    says: why it is so, in a sentence.
    link: where a public report or the framework's documentation says so; empty where none was found.
    of: condition -> the tensors that differ under it.
    """

    framework: str
    key: str
    kind: Kind
    says: str
    link: str
    of: Mapping[str, tuple[str, ...]]

    @property
    def places(self) -> Iterator[Place]:
        """Everything that it speaks of."""
        for condition, tensors in self.of.items():
            yield from ((self.framework, condition, tensor) for tensor in tensors)


Place = tuple[str, str, str]
"""Framework, condition, tensor."""


def load(conditions: Iterable[str], folder: Path | None = None) -> tuple[Difference, ...]:
    """Every difference of the `*.yaml` files of a folder, specs/atlas/differences by default.

    conditions: the names of all conditions.
    Raises SpecError: at a condition that is not there, and at a tensor that two differences speak of.
    """
    folder = folder or paths.specs_folder() / FOLDER / DIFFERENCES
    names = frozenset(conditions)
    return tuple(difference for path in sorted(folder.glob("*.yaml")) for difference in _of_file(path, names))


def by_place(differences: Iterable[Difference]) -> dict[Place, Difference]:
    """Which difference speaks of what."""
    return {place: difference for difference in differences for place in difference.places}


def _of_file(path: Path, names: frozenset[str]) -> tuple[Difference, ...]:
    mistakes = Mistakes(path)
    root, form = read_file(path, _File, mistakes)
    written: list[Item] = root.value["differences"].value
    seen: set[tuple[str, str]] = set()
    for entry, item in zip(form.differences, written, strict=True):
        for name, tensors in entry.of.items():
            line = item.value["of"].value[name].key_line
            if name not in names:
                mistakes.add(line, f"there is no condition {name!r}", nearest(name, names))
            for tensor in tensors:
                if (name, tensor) in seen:
                    mistakes.add(line, f"{tensor} of {name} stands in two places")
                seen.add((name, tensor))
    mistakes.stop()
    return tuple(
        Difference(
            framework=form.framework,
            key=f"{form.framework}-{i}",
            kind=entry.kind,
            says=entry.says,
            link=entry.link,
            of={name: tuple(tensors) for name, tensors in entry.of.items()},
        )
        for i, entry in enumerate(form.differences, 1)
    )
