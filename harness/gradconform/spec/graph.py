"""Order and cycles in a graph given as name -> names it needs."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping


def ordered(needs: Mapping[str, Collection[str]]) -> list[str]:
    """The names, each after what it needs, else as they come; those on or behind a cycle are left out."""
    position = {name: i for i, name in enumerate(needs)}
    waiting = {name: len({n for n in needed if n in position}) for name, needed in needs.items()}
    readers: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in needs.items():
        for other in {n for n in needed if n in position}:
            readers[other].append(name)
    ready = [position[name] for name, count in waiting.items() if count == 0]
    names, order = list(needs), []
    heapq.heapify(ready)
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for reader in readers[name]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, position[reader])
    return order


def cycles(needs: Mapping[str, Collection[str]]) -> list[list[str]]:
    """Disjoint cycles of a graph, each as its names in the order in which each needs the next."""
    done = set(ordered(needs))
    rings: list[list[str]] = []
    for start in needs:
        path: dict[str, None] = {}
        name: str | None = start
        while name is not None and name not in done and name not in path:
            path[name] = None
            name = next((needed for needed in needs[name] if needed in needs and needed not in done), None)
        if name in path:
            walked = list(path)
            rings.append(walked[walked.index(name) :])
        done.update(path)
    return rings
