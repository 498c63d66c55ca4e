"""What differs, held against what is known to: what is new, and what no longer shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gradconform.atlas.differences import Difference, Place, by_place
from gradconform.atlas.measured import Measured


@dataclass(frozen=True)
class Outcome:
    """What a look at some conditions in some frameworks came to.

    shown: what differs and is known to, each with what is said of it.
    new: what differs and nobody has classified.
    vanished: what is known to differ and does not.
    """

    shown: tuple[tuple[Measured, Difference], ...]
    new: tuple[Measured, ...]
    vanished: tuple[Place, ...]

    @property
    def clean(self) -> bool:
        """Whether all is as it is known to be."""
        return not self.new and not self.vanished


def outcome(looked: Mapping[str, Mapping[str, Sequence[Measured]]], differences: Iterable[Difference]) -> Outcome:
    """Hold what was measured against what is known.

    looked: framework -> condition -> what differs, an empty sequence where nothing does; conditions that were not
    looked at are not in it, and nothing is said of them.
    """
    known = by_place(differences)
    measured = [each for conditions in looked.values() for found in conditions.values() for each in found]
    places = {place_of(each) for each in measured}
    return Outcome(
        shown=tuple((each, known[place_of(each)]) for each in measured if place_of(each) in known),
        new=tuple(each for each in measured if place_of(each) not in known),
        vanished=tuple(place for place in known if place[1] in looked.get(place[0], {}) and place not in places),
    )


def place_of(measured: Measured) -> Place:
    """Where a difference was measured."""
    return measured.framework, measured.condition.name, measured.tensor
