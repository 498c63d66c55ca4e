"""Where a graph is cut, against an enumeration of every path, on random graphs; no framework is needed."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Iterator
from typing import Any

import pytest
from gradconform import paths

_spec = importlib.util.spec_from_file_location("lineage", paths.adapters_folder() / "lineage.py")
assert _spec is not None
assert _spec.loader is not None
lineage = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lineage)

LEAVES = ("x", "w", "v")


def drawn(seed: int) -> tuple[dict[str, Any], set[tuple[str, str]], set[str]]:
    """A random graph; its edges (node, read) that are cut; and what requires a gradient then, as frameworks have it."""
    draw = random.Random(seed)
    names, nodes = list(LEAVES), []
    for i in range(draw.randint(1, 7)):
        reads = draw.choices(names, k=draw.randint(1, 2))
        tensors = [[f"slot{j}", each] for j, each in enumerate(reads)]
        nodes.append({"name": f"n{i}", "op": "some", "tensors": tensors, "outputs": [{"name": f"n{i}"}]})
        names.append(f"n{i}")
    given = [{"name": name, "grad": name != "v", "dtype": "float32"} for name in LEAVES]
    problem = {"nodes": nodes, "inputs": given, "parameters": [], "output": draw.choice(nodes)["name"]}
    edges = [(node["name"], read) for node in nodes for _, read in node["tensors"]]
    cut = {edge for edge in edges if draw.random() < 0.3}
    requires = {"x", "w"}
    for node in nodes:
        if any((node["name"], read) not in cut and read in requires for _, read in node["tensors"]):
            requires.add(node["name"])
    return problem, cut, requires


def down(problem: dict[str, Any], name: str) -> Iterator[list[tuple[str, str]]]:
    """Every path from a tensor to the output, as its edges (node, read)."""
    if name == problem["output"]:
        yield []
    for node in problem["nodes"]:
        if name in [read for _, read in node["tensors"]]:
            yield from ([(node["name"], name), *rest] for rest in down(problem, node["name"]))


@pytest.mark.parametrize("seed", range(300))
def test_the_place_is_the_first_cut_on_each_path(seed: int) -> None:
    """Of what requires a gradient: the first dead edge's node on each path, or nothing where a path is whole."""
    problem, cut, requires = drawn(seed)
    graph = lineage.Lineage(problem)
    found = graph.explain(graph.wanted, requires.__contains__, lambda node, read: (node, read) not in cut)
    for name in graph.wanted:
        every = list(down(problem, name))
        if not every:
            assert found[name] == "not_on_path"
        elif name in requires:
            firsts = [next((node for node, read in path if (node, read) in cut), None) for path in every]
            places = None if None in firsts else ("graph_cut", *(n for n in graph.reads if n in firsts))
            assert found.get(name) == places
        elif name in graph.asked:
            # Cut above: at nodes all of whose ways further up are cut, and of which something read still required one.
            word, *nodes = found[name]
            assert word == "graph_cut"
            assert nodes
            assert all(
                n not in requires and any((n, r) in cut and r in requires for r in graph.reads[n]) for n in nodes
            )
        else:
            assert found[name] == "not_requested"


def test_the_graphs_drawn_have_every_kind() -> None:
    """Else the test above would say less than it seems to."""
    seen: set[str] = set()
    for seed in range(300):
        problem, cut, requires = drawn(seed)
        graph = lineage.Lineage(problem)
        found = graph.explain(graph.wanted, requires.__contains__, lambda node, read, cut=cut: (node, read) not in cut)
        words = {n: reason[0] if isinstance(reason, tuple) else reason for n, reason in found.items()}
        seen |= {f"{word}{' above' if word == 'graph_cut' and n not in requires else ''}" for n, word in words.items()}
        seen |= {f"{len(reason) - 1} places" for reason in found.values() if isinstance(reason, tuple)}
        seen |= {"whole"} if len(found) < len(graph.wanted) else set()
    assert {"graph_cut", "graph_cut above", "not_on_path", "not_requested", "1 places", "2 places", "whole"} <= seen
