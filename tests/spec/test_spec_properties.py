"""Whatever is done to a good spec, it loads or is refused with addresses in the file; never anything else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import yaml
from gradconform.spec import Network, SpecError
from gradconform.spec.graph import cycles, ordered
from gradconform.spec.text import scalar
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spec_texts import GOOD, load_text

LINES = GOOD.splitlines(keepends=True)
PIECES = sorted({*GOOD.split(), "$width", "{}", "[]", "null", "-1", "1e400", "&a", "*a", "!!set", "\t", "- ", "? "})
CHECKS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

edits = st.lists(
    st.tuples(
        st.sampled_from(["drop", "twice", "swap", "replace", "cut", "piece"]),
        st.integers(0, len(LINES) - 1),
        st.integers(0, len(LINES) - 1),
        st.sampled_from(PIECES),
    ),
    min_size=1,
    max_size=3,
)


def edited(changes: list[tuple[str, int, int, str]]) -> str:
    """The good spec after some edits of lines and words."""
    lines = list(LINES)
    for what, at, other, piece in changes:
        at, other = at % max(1, len(lines)), other % max(1, len(lines))
        words = lines[at].split(" ")
        match what:
            case "drop":
                lines[at] = ""
            case "twice":
                lines.insert(other, lines[at])
            case "swap":
                lines[at], lines[other] = lines[other], lines[at]
            case "replace":
                words[other % len(words)] = piece
                lines[at] = " ".join(words)
            case "cut":
                lines[at] = lines[at][: other + 2] + "\n"
            case "piece":
                lines[at] = lines[at].rstrip("\n") + " " + piece + "\n"
    return "".join(lines)


def loads_or_is_refused(content: str | bytes) -> tuple[Network, ...]:
    """The networks; none where the file is refused, with lines that it has."""
    text = content.decode(errors="replace") if isinstance(content, bytes) else content
    last = max(1, len(text.splitlines()))
    with tempfile.TemporaryDirectory() as folder:
        try:
            return load_text(Path(folder), content)
        except SpecError as error:
            assert error.mistakes
            assert all(1 <= problem.where.line <= last for problem in error.mistakes)
            assert len(str(error).splitlines()) == len(error.mistakes)
            return ()


def is_whole(network: Network) -> None:
    """Every name is known before it is read, and every tensor has a shape."""
    known = {tensor.name for tensor in network.tensors}
    for node in network.nodes:
        assert set(node.reads) <= known
        known |= {output.name for output in node.outputs}
    graph = network.graph("float32")
    assert {address.tensor.partition("/")[2] for address in graph.addresses()} <= known
    assert network.lines.keys() == graph.by_name.keys()
    assert network.output in known
    assert network.cotangent.shape == graph.shape(network.output)


@CHECKS
@given(edits)
def test_an_edited_spec_loads_whole_or_is_refused(changes):
    """Lines dropped, doubled, swapped, cut, words replaced."""
    for network in loads_or_is_refused(edited(changes)):
        is_whole(network)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(PIECES) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@CHECKS
@given(values, st.data())
def test_any_value_at_any_place_is_taken_or_refused(value, data):
    """A value in the good spec is replaced by one of any type."""
    spec = yaml.safe_load(GOOD)
    place, key = spec, data.draw(st.sampled_from(sorted(spec)))
    while isinstance(place[key], dict | list) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = value
    for network in loads_or_is_refused(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False)):
        is_whole(network)


@CHECKS
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode()))
def test_any_bytes_are_refused(content):
    """No short string of bytes is a spec, and none breaks the loader."""
    assert loads_or_is_refused(content) == ()


@CHECKS
@given(st.floats() | st.integers(-(2**70), 2**70))
def test_numbers_are_read_as_python_writes_them(number):
    """To the last bit, with or without a point or an exponent."""
    written = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(repr(number), repr(number))
    read = scalar(written)
    assert type(read) is type(number)
    assert repr(read) == repr(number)


graphs = st.integers(1, 12).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, n - 1), max_size=3), min_size=n, max_size=n)
)


@CHECKS
@given(graphs)
def test_a_graph_has_an_order_or_cycles(needed):
    """Either all names are ordered, each after its needs, or some cycle is found and is one."""
    needs = {str(i): [str(j) for j in js] for i, js in enumerate(needed)}
    order, found = ordered(needs), cycles(needs)
    for at, name in enumerate(order):
        assert set(needs[name]) <= set(order[:at])
    assert (len(order) == len(needs)) == (not found)
    for cycle in found:
        assert all(after in needs[name] for name, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))
