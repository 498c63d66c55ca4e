"""The graph of a network: who reads whom, what leads to the output, and the addresses of what is captured."""

from __future__ import annotations

import pytest
from gradconform.graph import Address, Graph, Leaf, Node, Output


def node(name: str, *reads: str | tuple[str, ...] | None, extra: tuple[str, ...] = ()) -> Node:
    """A node that reads these, in slots that are counted."""
    outputs = (Output(name, (2,)), *(Output(f"{name}.{each}", (3,), result=False) for each in extra))
    return Node(name, "add", {f"slot{i}": read for i, read in enumerate(reads)}, {}, outputs)


LEAVES = [
    Leaf("x", "input", (2,), "float32", True),
    Leaf("still", "input", (2,), "float32", False),
    Leaf("a.weight", "parameter", (4,), "float32", True),
    Leaf("a.mean", "buffer", (3,), "float32", False),
    Leaf("idle", "parameter", (5,), "float32", True),
]
GRAPH = Graph(
    {leaf.name: leaf for leaf in LEAVES},
    (
        node("a", "x", "a.weight", "a.mean", extra=("mean",)),
        node("side", "still", None),
        node("both", ("a", "x", "a"), "side"),
        node("lost", "both"),
    ),
    "both",
)


def test_a_node_reads_in_order_once_for_each_time() -> None:
    """An absent tensor is none, and a slot with several names gives each."""
    assert GRAPH.by_name["both"].reads == ("a", "x", "a", "side")
    assert GRAPH.by_name["side"].reads == ("still",)


def test_readers_are_named_once_and_in_order() -> None:
    """A tensor that nobody reads has none."""
    assert {name: [n.name for n in nodes] for name, nodes in GRAPH.readers.items()} == {
        "x": ["a", "both"],
        "a.weight": ["a"],
        "a.mean": ["a"],
        "still": ["side"],
        "a": ["both"],
        "side": ["both"],
        "both": ["lost"],
    }


def test_what_leads_to_the_output_is_on_its_path() -> None:
    """What comes after the output is not, nor what nobody reads."""
    assert GRAPH.on_path == {"x", "still", "a.weight", "a.mean", "a", "side", "both"}
    assert GRAPH.ancestors("side") == {"side", "still"}


def test_what_depends_on_a_leaf_with_a_gradient_is_differentiable() -> None:
    """A node of leaves without one is not."""
    assert GRAPH.differentiable == {"x", "a.weight", "idle", "a", "both", "lost"}
    assert GRAPH.wanted == ("x", "a.weight", "idle")


def test_the_addresses_are_all_that_a_capture_may_hold() -> None:
    """Every output, every gradient but that of the output, each leaf that asks for one; nothing twice."""
    assert list(GRAPH.addresses()) == [
        Address("output/a", "a", "output", (2,)),
        Address("output/a.mean", "a", "output", (3,)),
        Address("grad/a", "a", "grad_output", (2,)),
        Address("output/side", "side", "output", (2,)),
        Address("grad/side", "side", "grad_output", (2,)),
        Address("output/both", "both", "output", (2,)),
        Address("output/lost", "lost", "output", (2,)),
        Address("grad/lost", "lost", "grad_output", (2,)),
        Address("grad/x", "a", "grad_input", (2,)),
        Address("grad/a.weight", "a", "grad_param", (4,)),
        Address("grad/idle", "", "grad_param", (5,)),
    ]


def test_shapes_are_of_leaves_and_outputs() -> None:
    """A name that is neither is an error."""
    assert (GRAPH.shape("x"), GRAPH.shape("a")) == ((2,), (2,))
    with pytest.raises(KeyError):
        GRAPH.shape("a.mean2")


TWO = Graph(
    {"x": Leaf("x", "input", (4,), "float32", True)},
    (
        Node("two", "split", {"x": "x"}, {}, (Output("two", (3,)), Output("two.1", (1,)))),
        node("used", "two.1"),
        node("unused", "two"),
    ),
    "used",
)


def test_each_result_of_a_node_has_readers_and_a_path_of_its_own() -> None:
    """A node leads to the output where one of its results does; only that one is on the path."""
    assert {name: [n.name for n in nodes] for name, nodes in TWO.readers.items()} == {
        "x": ["two"],
        "two": ["unused"],
        "two.1": ["used"],
    }
    assert TWO.on_path == {"x", "two.1", "used"}
    assert [TWO.leads(each) for each in TWO.nodes] == [True, True, False]
    assert [each.name for each in TWO.senders("x")] == ["two"]
    assert TWO.ancestors("two.1") == {"x", "two.1"}
    assert TWO.differentiable == {"x", "two", "two.1", "used", "unused"}
    assert [address.tensor for address in TWO.addresses()] == [
        *["output/two", "output/two.1", "grad/two", "grad/two.1"],
        *["output/used", "output/unused", "grad/unused", "grad/x"],
    ]
