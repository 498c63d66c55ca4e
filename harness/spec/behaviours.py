"""A file of behaviours: each becomes a network with a script and asks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.spec.build import Builder
from harness.spec.errors import Problems, SpecError, show
from harness.spec.form import FILE_NAME, Behaviour, BehaviourFile
from harness.spec.model import Network
from harness.spec.salvage import read_form
from harness.spec.telling import unfit_asks
from harness.spec.text import Item

# The right answers are worked out when a file is checked, so its networks are to be tiny.
MOST_OF_BEHAVIOUR = 10_000
_SHARED = ("about", "seed", "dtypes")


def behaviour_networks(form: BehaviourFile, item: Item, builder: Builder, problems: Problems) -> Iterator[Network]:
    """One network for each behaviour, called `<file>.<behaviour>`. Notes what is wrong with any of them."""
    for key, behaviour in item.value["behaviours"].value.items():
        if not re.fullmatch(FILE_NAME, key):
            problems.add(behaviour.key_line, f"behaviour {show(key)} is not a name", "use letters, digits, `_` and `-`")
        if key not in form.behaviours:
            continue
        try:
            shared = {k: item.value[k] for k in _SHARED if k in item.value}
            whole = Item({**shared, **behaviour.value}, behaviour.line, behaviour.key_line)
            inner, dropped = read_form(Behaviour, whole, problems)
            network = builder.network(inner, whole, dropped, name=f"{builder.path.stem}.{key}")
            asks = [ask.line for ask in whole.value["ask"].value]
            for index, message, hint in unfit_asks(network):
                problems.add(asks[index], f"behaviour {key}: {message}", hint)
            yield network
        except SpecError:
            # It is in `problems`, and the other behaviours are to be looked at as well.
            if problems.full:
                raise
