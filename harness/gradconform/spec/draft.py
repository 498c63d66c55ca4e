"""A network that is understood, but not yet accepted: what the rules look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from gradconform.spec.calls import Call
from gradconform.spec.errors import Mistake
from gradconform.spec.form import NetworkFile
from gradconform.spec.infer import Inference
from gradconform.spec.model import Where
from gradconform.spec.text import Item


@dataclass(frozen=True)
class Draft:
    """All that is known of a network before it is accepted.

    path, form, item: the file, its form, and the form as it is written.
    inputs: the names of the inputs.
    calls: the nodes whose words are understood.
    aliases: a name as other nodes write it -> the node that it means.
    lost: names that exist, but of which nothing is known because of a mistake that was noted.
    lost_uses: the uses of blocks whose nodes could not be made because of a mistake that was noted.
    inference: the shapes that could be inferred.
    output, exact_output: the names of the nodes that are the output of each variant.
    """

    path: Path
    form: NetworkFile
    item: Item
    inputs: tuple[str, ...]
    calls: tuple[Call, ...]
    aliases: Mapping[str, str]
    lost: frozenset[str]
    lost_uses: frozenset[str]
    inference: Inference
    output: str
    exact_output: str | None

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes."""
        return tuple(call.name for call in self.calls)

    @cached_property
    def clashing(self) -> tuple[str, ...]:
        """The names that more than one input, node or block has."""
        made, inputs = Counter(self.nodes), set(self.inputs)
        return tuple(
            name
            for name in dict.fromkeys([*self.aliases, *self.nodes])
            if made[name] + (name in inputs) + (name in self.aliases and self.aliases[name] != name) > 1
        )

    @property
    def sound(self) -> list[Call]:
        """The calls that are not lost and whose name belongs to nothing else."""
        return [call for call in self.calls if call.name not in self.lost and call.name not in self.clashing]

    def override(self, name: str) -> str | None:
        """The key under `parameters` that speaks of a parameter: its name, else the first pattern that fits it."""
        if name in self.form.parameters:
            return name
        return next((key for key in self.form.parameters if "*" in key and fnmatchcase(name, key)), None)

    def is_lost(self, name: str) -> bool:
        """Whether nothing is known of a name, perhaps because of a mistake that was noted already."""
        base = name.partition(".")[0]
        return (
            base in self.clashing
            or bool(self.lost & {name, base})
            or any(base.startswith(f"{use}_") for use in self.lost_uses)
        )

    def line(self, key: str) -> int:
        """The line of the value of a top-level key; the file's first where it is not written."""
        return (self.item.get(key) or self.item).line

    def key_line(self, section: str, key: str) -> int:
        """The line on which a key of a section stands; the section's where it is not written."""
        written = self.item.get(section) or self.item
        return (written.get(key) or written).key_line

    def mistake(self, line: int, message: str, hint: str = "") -> Mistake:
        """A mistake at a line of the network's file."""
        return Mistake(Where(self.path, line), message, hint)
