"""The way from the output back to a tensor, as `gradconform why` shows it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence

from rich.text import Text

from gradconform.contract import Problem
from gradconform.graph import Node

SHOWN, AROUND = 9, 3


def searched(problem: Problem, name: str, cuts: Collection[str]) -> Text:
    """The path from the output to a tensor in the problem's graph, with the cut marked; or that there is none."""
    graph = problem.graph
    if name not in problem.on_path:
        return Text(_no_path(problem, name, _steps(name, graph.readers, graph.nodes)))
    on_path = _steps(name, {read: graph.senders(read) for read in graph.readers}, graph.nodes)
    nodes = [cut for cut in cuts if cut not in problem.graph.leaves]
    paths = [_through(problem, on_path, name, cut) for cut in nodes] or [_path(on_path, name, problem.output)]
    return Text("\n" + " " * 12).join([_shown(path, set(nodes)) for path in paths[:SHOWN]])


def _steps(name: str, readers: Mapping[str, Sequence[Node]], nodes: Sequence[Node]) -> dict[str, list[str]]:
    """Tensor or node -> the nodes that read it; a node's are those of all its outputs, but for the tensor searched."""
    steps = {read: [node.name for node in found] for read, found in readers.items()}
    for node in nodes:
        if node.name != name and len(node.results) > 1:
            found = [reader for output in node.results for reader in steps.get(output.name, ())]
            steps[node.name] = list(dict.fromkeys(found))
    return steps


def _no_path(problem: Problem, name: str, readers: Mapping[str, Sequence[str]]) -> str:
    below, waiting = dict.fromkeys(readers.get(name, ())), deque(readers.get(name, ()))
    while waiting:
        for reader in readers.get(waiting.popleft(), ()):
            if reader not in below:
                below[reader] = None
                waiting.append(reader)
    if not below:
        return f"no node reads {name}"
    names = list(below)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{name} is read by {', '.join(names[:SHOWN])}{more}: none leads to {problem.output}"


def _path(readers: Mapping[str, Sequence[str]], start: str, end: str) -> list[str]:
    """The shortest path from a tensor to a node, the node first; empty where there is none."""
    before: dict[str, str | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in before:
        name = waiting.popleft()
        for reader in readers.get(name, ()):
            if reader not in before:
                before[reader] = name
                waiting.append(reader)
    path: list[str] = []
    at: str | None = end if end in before else None
    while at is not None:
        path.append(at)
        at = before[at]
    return path


def _through(problem: Problem, readers: Mapping[str, Sequence[str]], name: str, cut: str) -> list[str]:
    """The path from the output to a tensor that passes a node, which lies between them or above the tensor."""
    upper = _path(readers, name, cut)
    if upper:
        return _path(readers, cut, problem.output) + upper[1:]
    return _path(readers, name, problem.output) + _path(readers, cut, name)[1:]


def _shown(path: Sequence[str], cuts: Collection[str]) -> Text:
    """The path as text, `loss <- fc2 <- relu1 (cut) <- ... 12 nodes ... <- x`: of a long one the ends and each cut."""
    marks = [0, len(path) - 1, *(i for i, name in enumerate(path) if name in cuts)]
    kept = [i for i in range(len(path)) if len(path) <= SHOWN or any(abs(i - mark) < AROUND for mark in marks)]
    shown: list[Text] = []
    for last, i in zip([-1, *kept], kept, strict=False):
        if i - last == 2:
            shown.append(Text(path[i - 1]))
        elif i - last > 2:
            shown.append(Text(f"... {i - last - 1} nodes ..."))
        shown.append(Text(f"{path[i]} (cut)", "bold red") if path[i] in cuts else Text(path[i]))
    return Text(" <- ").join(shown)
