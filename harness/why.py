"""Why is this gradient missing? What each framework says of one tensor, and the line of code that would give it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.text import Text

from harness import problem as problems
from harness import running
from harness.adapters import Adapter, AdapterError, describe
from harness.contract import Capture, Problem, read_capture
from harness.judge import semantics
from harness.judge.local import why_missing
from harness.spec import Network
from harness.spec.errors import nearest

# What an adapter's word for a missing gradient means.
SENTENCES = {
    "not_requested": "Neither it nor anything it is computed from asks for a gradient.",
    "not_on_path": "The output does not depend on it, so its gradient is zero by definition.",
    "graph_cut": "The framework's graph does not lead from the output back to it.",
    "not_retained": "The framework computes it on the way and this route does not keep it.",
    "buffer_reused": "The framework computed it and gave its memory to another tensor since.",
    "not_differentiable": "The framework's graph leads to it, but a function on the way gives no gradient.",
    "uninitialised": "What is stored there was never written: no backward came to it.",
    "unexplained": "The route gave neither a gradient nor a reason: a defect of the adapter.",
}
IN_SCRIPT = {**SENTENCES, "not_retained": "The framework computes it on the way and no step had it kept."}
SHOWN, AROUND = 9, 3


class WhyError(LookupError):
    """The question cannot be asked; the message says what came, what was expected and what to type."""


@dataclass(frozen=True)
class Question:
    """A tensor of a problem, by its name without `grad/`; of a behaviour the ask as it is."""

    problem: Problem
    name: str

    @property
    def tensor(self) -> str:
        """What a capture calls its gradient."""
        return self.name if self.problem.asks else f"grad/{self.name}"


def asked_of(networks: Sequence[Network], tensor: str, only: str | None) -> tuple[str, list[Network]]:
    """The name of the tensor, and the networks that have it. Raises WhyError.

    Where all are behaviours: the ask, and the behaviours that ask it.
    """
    if only is not None:
        known = [network.name for network in networks]
        if only not in known:
            raise WhyError(f"--network {only}: no such network; {nearest(only, known)}")
        networks = [network for network in networks if network.name == only]
    plain = [network for network in networks if not network.script]
    if not plain:
        return _asked_by(networks, tensor)
    name = tensor.removeprefix("grad/")
    found = [network for network in plain if name in _names(network)]
    if not found:
        every = dict.fromkeys(name for network in plain for name in _names(network))
        where = f"network {plain[0].name}" if len(plain) == 1 else f"{len(plain)} networks"
        raise WhyError(f"{tensor}: no such tensor in {where}; {nearest(name, every) or 'expected a node or a leaf'}")
    return name, found


def _asked_by(behaviours: Sequence[Network], tensor: str) -> tuple[str, list[Network]]:
    for ask in (tensor, f"grad/{tensor}"):
        found = [behaviour for behaviour in behaviours if ask in behaviour.asks]
        if found:
            return ask, found
    every = list(dict.fromkeys(ask for behaviour in behaviours for ask in behaviour.asks))
    where = f"{behaviours[0].name} does" if len(behaviours) == 1 else f"{len(behaviours)} behaviours do"
    hint = nearest(tensor, every) or nearest(f"grad/{tensor}", every) or f"expected one of {', '.join(every[:SHOWN])}"
    raise WhyError(f"{tensor}: {where} not ask for it; {hint}")


def _names(network: Network) -> Iterator[str]:
    yield from (node.name for node in network.nodes)
    yield from (tensor.name for tensor in network.inputs + network.parameters + network.buffers)


def ask(networks: Iterable[Network], name: str, dtype: str | None, root: Path) -> list[Question]:
    """One question of each network, its problem drawn in the dtype, its own first one by default.

    Raises ContractError.
    """
    found = []
    for network in networks:
        values = "drawn" if "drawn" in network.values else network.values[0]
        chosen, folder = dtype or network.dtypes[0], root / "problems" / network.name
        found.append(Question(problems.write(network, folder, dtype=chosen, values=values), name))
    return found


def with_route(chosen: Sequence[Adapter], route: str, asked: Sequence[Network] = ()) -> list[Adapter]:
    """The adapters that have the route. Raises AdapterError where none has, WhyError where there can be none."""
    if route == "primary":
        return list(chosen)
    if asked and asked[0].script:
        raise WhyError(f"--route {route}: {asked[0].name} is a script, which says itself how gradients are asked for; "
                       "leave --route off")
    routes = {adapter.name: describe(adapter)["routes"] for adapter in chosen}
    found = [adapter for adapter in chosen if route in routes[adapter.name]]
    if not found:
        every = sorted({"primary", *(name for names in routes.values() for name in names)})
        raise AdapterError(f"--route {route}: no such route; {nearest(route, every) or 'known: ' + ', '.join(every)}")
    return found


def captures(
    questions: Sequence[Question], chosen: Sequence[Adapter], route: str, root: Path
) -> dict[str, list[Capture]]:
    """Adapter -> what it gave for each question; the adapters run beside one another, each in one process."""

    def run(adapter: Adapter) -> list[Capture]:
        folders = [root / adapter.name / q.problem.spec for q in questions]
        tasks = [running.Task(q.problem.folder, f, q.problem.digest) for q, f in zip(questions, folders, strict=True)]
        running.capture(adapter, tasks, job_folder=root / "jobs" / adapter.name, route=route)
        return [read_capture(f, q.problem) for q, f in zip(questions, folders, strict=True)]

    with ThreadPoolExecutor(len(chosen)) as threads:
        return dict(zip((a.name for a in chosen), threads.map(run, chosen), strict=True))


def answer(question: Question, adapter: str, capture: Capture) -> Iterator[Text]:
    """What one framework says, line by line."""
    problem, name, tensor = question.problem, question.name, question.tensor
    head = f"{adapter} {capture.version}, {semantics.ROUTE if problem.asks else capture.route}: "
    if capture.status != "ok":
        yield Text(head).append(capture.status, "bold red").append(f": {capture.reason.strip().splitlines()[-1]}")
        return
    if problem.asks:
        yield from _asked(question, head, capture)
        return
    array, line = capture.tensors.get(tensor), _line(problem, name, capture)
    if array is not None:
        norm = float(np.linalg.norm(array.astype(float)))
        said = f"the gradient is there, shape {list(array.shape)}, norm {norm:.6g}"
        yield Text(head).append(said, "green")
        yield from _labelled("got by", line)
    elif name == problem.output:
        yield Text(head).append("its gradient is the one that you hand to backward", "green")
    else:
        # A capture has no word for what the spec does not ask of it.
        missing = tensor in capture.missing
        reason = why_missing(problem, capture, tensor)[0] if missing else "not_requested"
        yield Text(head).append(reason, "bold red")
        yield Text(f"  {_sentence(question, capture)}")
        yield from _labelled("searched", searched(problem, name, capture.cuts.get(tensor, ())))
        yield from _labelled("instead", capture.remedies.get(tensor, ""))


def _line(problem: Problem, name: str, capture: Capture) -> str:
    """The line by which the route gets a gradient."""
    kind = "between" if any(node.name == name for node in problem.nodes) else "leaf"
    return capture.lines.get(kind, "").replace("{name}", name).replace("{output}", problem.output)


def _asked(question: Question, head: str, capture: Capture) -> Iterator[Text]:
    """What became of an ask: the outcome, and where there is no gradient the reason, the place and the remedy."""
    problem, name = question.problem, question.name.rpartition("/")[2]
    index = problem.asks.index(question.name)
    asked, answer = capture.asked[index], semantics.given(capture, index)
    said = f"raises {semantics.where(problem, asked)}: {asked.error}" if asked.outcome == "raises" else answer.outcome
    said = semantics.told(answer) if answer.array is not None else said
    why, there = semantics.why(problem, asked), answer.array is not None and asked.reason is None
    yield Text(head).append("; ".join(filter(None, (said, why))), "green" if there else "bold red")
    if asked.reason is None:
        return
    yield Text(f"  {IN_SCRIPT[asked.reason]}")
    if asked.reason != "not_on_path" or name not in problem.on_path:
        yield from _labelled("searched", searched(problem, name, asked.nodes))
    line = capture.remedies.get(question.name, "")
    yield from _labelled("instead", _line(problem, name, capture) if asked.reason == "uninitialised" else line)


def _sentence(question: Question, capture: Capture) -> str:
    problem, name = question.problem, question.name
    if question.tensor in capture.missing:
        return SENTENCES[capture.missing[question.tensor]]
    role, _, dtype, _ = problem.given[name]
    if role == "buffer":
        return "It is a buffer, of which no gradient is ever asked."
    if dtype.startswith("int"):
        return "It is of integers, which have no gradient."
    return "The spec does not ask for it: write `grad: true` there."


def _labelled(label: str, text: str | Text) -> Iterator[Text]:
    if text:
        yield Text(f"  {label:<10}", "dim").append(text)


def searched(problem: Problem, name: str, cuts: Collection[str]) -> Text:
    """The path from the output to a tensor in the problem's graph, with the cut marked; or that there is none."""
    readers: dict[str, list[str]] = {}
    for node in problem.nodes:
        for read in dict.fromkeys(node.reads):
            readers.setdefault(read, []).append(node.name)
    if name not in problem.on_path:
        return Text(_no_path(problem, name, readers))
    on_path = {read: [n for n in names if n in problem.on_path] for read, names in readers.items()}
    nodes = [cut for cut in cuts if cut not in problem.given]
    paths = [_through(problem, on_path, name, cut) for cut in nodes] or [_path(on_path, name, problem.output)]
    return Text("\n" + " " * 12).join([_shown(path, set(nodes)) for path in paths[:SHOWN]])


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
    """`loss <- fc2 <- relu1 (cut) <- ... 12 nodes ... <- x`: both ends and what lies around a cut, where it is long."""
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
