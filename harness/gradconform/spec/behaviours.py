"""A file of behaviours: each becomes a network with a script and asks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gradconform.spec.build import Builder
from gradconform.spec.errors import Mistakes, SpecError, show
from gradconform.spec.form import FILE_NAME, Behaviour, BehaviourFile
from gradconform.spec.model import Network
from gradconform.spec.salvage import read_form
from gradconform.spec.telling import unfit_asks
from gradconform.spec.text import Item

# The right answers are worked out when a file is checked, so its networks are to be tiny.
MOST_OF_BEHAVIOUR = 10_000
_SHARED = ("about", "seed", "dtypes")


def behaviour_networks(form: BehaviourFile, item: Item, builder: Builder, mistakes: Mistakes) -> Iterator[Network]:
    """One network for each behaviour, called `<file>.<behaviour>`. Notes what is wrong with any of them."""
    for key, behaviour in item.value["behaviours"].value.items():
        if not re.fullmatch(FILE_NAME, key):
            mistakes.add(behaviour.key_line, f"behaviour {show(key)} is not a name", "use letters, digits, `_` and `-`")
        if key not in form.behaviours:
            continue
        try:
            shared = {k: item.value[k] for k in _SHARED if k in item.value}
            whole = Item({**shared, **behaviour.value}, behaviour.line, behaviour.key_line)
            inner, dropped = read_form(Behaviour, whole, mistakes)
            network = builder.network(inner, whole, dropped, name=f"{builder.path.stem}.{key}")
            asks = [ask.line for ask in whole.value["ask"].value]
            for index, message, hint in unfit_asks(network):
                mistakes.add(asks[index], f"behaviour {key}: {message}", hint)
            yield network
        except SpecError:
            # It is in `mistakes`, and the other behaviours are to be looked at as well.
            if mistakes.full:
                raise
