"""Whether a problem's own tensors are what they were, and whether a second run gives the same bits.

Valid Python 3.8, like all that runs in a framework's interpreter.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Mapping

UNCHANGED, REPEAT = "unchanged", "repeat"


def changed(
    arrays: SimpleNamespace,
    modules: SimpleNamespace,
    network: Any,
    problem: Mapping[str, Any],
    tensors: Mapping[str, Any],
    was: Any,
) -> dict[str, dict[str, Any]]:
    """Which inputs, parameters, buffers, and whether the cotangent, hold other bits than they were given.

    was: the problem's file, or its arrays by name where they were not given as the file has them. Running statistics
    that a node gives anew may change. What a framework holds in memory of its own is taken from the adapter's
    ``network.held(network)``: arrays by name; all else shares the memory of ``tensors``.
    """
    moving = {output["name"] for node in problem["nodes"] for output in node["outputs"]}
    now = dict(tensors)
    if hasattr(modules.network, "held"):
        now.update(modules.network.held(network))
    seed = "cotangent/" + problem["output"]
    names = {("" if name == seed else "value/") + name: name for name in now if name == seed or name not in moving}
    held = {name: now[inner] for name, inner in names.items()}
    found: dict[str, dict[str, Any]]
    if isinstance(was, Path):
        found = arrays.differences_from(was, held)
    else:
        found = arrays.differences({name: was[inner] for name, inner in names.items()}, held)
    return found


def repeated(
    arrays: SimpleNamespace,
    first: tuple[Mapping[str, Any], Mapping[str, Any]],
    again: Callable[[], tuple[Mapping[str, Any], Mapping[str, Any]]],
    output: str,
) -> dict[str, dict[str, Any]]:
    """Which tensors of a second run in this process have other bits than those of the first.

    first: values and missing of the first run. again: runs the problem anew. output: the name of the network's output,
    of which it is said where the second run fails.
    """
    values, missing = first
    try:
        then, lost = again()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is what differs
        line = (str(error).splitlines() or [""])[0]
        return {"output/" + output: arrays.unlike("given", "%s: %s" % (type(error).__name__, line))}
    both = {name: array for name, array in values.items() if name in then}
    found: dict[str, dict[str, Any]] = arrays.differences(both, then)
    for name in list(values) + [name for name in then if name not in values]:
        if name not in both:
            said = [
                ("given" if name in side[0] else str(side[1].get(name))) for side in ((values, missing), (then, lost))
            ]
            found[name] = arrays.unlike(*said)
    return found
