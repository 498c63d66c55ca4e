"""`gradconform why`: why is this gradient missing, in each framework, and the line of code that would give it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.text import Text

from gradconform import dtypes
from gradconform.capture.adapters import Adapter, AdapterError, describe
from gradconform.capture.choice import present
from gradconform.capture.together import capture_all
from gradconform.command.exits import CANNOT_RUN
from gradconform.command.options import Options
from gradconform.command.searched import SHOWN, searched
from gradconform.contract import Capture, Problem
from gradconform.draw.problem import draw_problem
from gradconform.errors import UsageError, nearest
from gradconform.judge import behaviours
from gradconform.judge.local import why_missing
from gradconform.spec import Network
from gradconform.spec.files import networks

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


@click.command("why")
@click.argument("spec", type=click.Path(path_type=Path))
@click.argument("tensor")
@click.option(
    "--adapter",
    "adapter",
    multiple=True,
    metavar="NAME_OR_FOLDER",
    help="An adapter's name or folder; all that come along by default.",
)
@click.option("--network", "only", metavar="NAME", help="Only this network of SPEC; all that have TENSOR by default.")
@click.option("--route", default="primary", show_default=True, metavar="primary|NAME", help="The way to the gradient.")
@click.option("--dtype", type=click.Choice(dtypes.NAMES), help="The spec's first by default.")
def command(spec: Path, tensor: str, only: str | None, **options: Any) -> None:
    """Say whether each framework gives the gradient of TENSOR, why not, and the line of code that would give it.

    TENSOR: an input, a parameter or a node, as `x`, `conv1.weight` or `grad/relu1`; of a behaviour, an ask. Exit
    status: 0 where a framework answered, whatever it said; 3 where none could be run.
    """
    sys.exit(execute(spec, tensor, only, Options(**options)))


def execute(spec: Path, tensor: str, only: str | None, options: Options) -> int:
    """Ask each framework for one gradient, and print what it says."""
    name, wanted = asked_of(networks([spec]), tensor, only)
    chosen, absent = present(options.adapter)
    able = with_route(chosen, options.route, wanted)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    with tempfile.TemporaryDirectory(prefix="gradconform-why-") as folder:
        asked = ask(wanted, name, options.dtype, Path(folder))
        captures_of = capture_all([q.problem for q in asked], able, Path(folder), route=options.route)
        for place, question in enumerate(asked):
            console.print(f"{question.tensor} of {question.problem.spec}, {question.problem.dtype}", style="bold")
            for adapter in able:
                for line in answer(question, adapter.name, captures_of[adapter.name][place]):
                    console.print(line)
    for adapter in chosen:
        if adapter not in able:
            console.print(f"{adapter.name}: has no route {options.route}")
    for message in absent.values():
        console.print(f"not run: {message}")
    ran = any(capture.status == "ok" for captures in captures_of.values() for capture in captures)
    return 0 if ran else CANNOT_RUN


class WhyError(UsageError):
    """The question cannot be asked; the message says what came, what was expected and what to type."""


@dataclass(frozen=True)
class Question:
    """The question about one tensor of one problem.

    problem: the problem.
    name: of the tensor, without `grad/`; of a behaviour, the ask as it is.
    """

    problem: Problem
    name: str

    @property
    def tensor(self) -> str:
        """What a capture calls the gradient that is asked about."""
        return self.name if self.problem.asks else f"grad/{self.name}"


def asked_of(networks: Sequence[Network], tensor: str, only: str | None) -> tuple[str, list[Network]]:
    """The name of the tensor that is asked about, and the networks that have it. Raises WhyError.

    Where all networks are behaviours: the ask, and the behaviours that ask it.
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
    having = [network for network in plain if name in _names(network)]
    if not having:
        every = dict.fromkeys(name for network in plain for name in _names(network))
        where = f"network {plain[0].name}" if len(plain) == 1 else f"{len(plain)} networks"
        raise WhyError(f"{tensor}: no such tensor in {where}; {nearest(name, every) or 'expected a node or a leaf'}")
    return name, having


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
    """A question about each network, its problem drawn in one dtype; by default in the network's own first one.

    Raises ContractError.
    """
    questions = []
    for network in networks:
        values = "drawn" if "drawn" in network.values else network.values[0]
        chosen, folder = dtype or network.dtypes[0], root / "problems" / network.name
        questions.append(Question(draw_problem(network, folder, dtype=chosen, values=values), name))
    return questions


def with_route(chosen: Sequence[Adapter], route: str, asked: Sequence[Network] = ()) -> list[Adapter]:
    """The adapters that have a route. Raises AdapterError where none has it, WhyError where there can be none."""
    if route == "primary":
        return list(chosen)
    if asked and asked[0].script:
        raise WhyError(
            f"--route {route}: {asked[0].name} is a script, which says itself how gradients are asked for; "
            "leave --route off"
        )
    routes = {adapter.name: describe(adapter)["routes"] for adapter in chosen}
    found = [adapter for adapter in chosen if route in routes[adapter.name]]
    if not found:
        every = sorted({"primary", *(name for names in routes.values() for name in names)})
        raise AdapterError(f"--route {route}: no such route; {nearest(route, every) or 'known: ' + ', '.join(every)}")
    return found


def answer(question: Question, adapter: str, capture: Capture) -> Iterator[Text]:
    """What one framework says to a question, line by line."""
    problem, name, tensor = question.problem, question.name, question.tensor
    head = f"{adapter} {capture.version}, {behaviours.ROUTE if problem.asks else capture.route}: "
    if capture.status != "ok":
        at = f" at {capture.at}" if capture.at else ""
        yield Text(head).append(capture.status + at, "bold red").append(f": {capture.reason.strip().splitlines()[-1]}")
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
    """The line of the framework's code by which the route gets such a gradient; empty where it is not known."""
    kind = "between" if name in problem.graph.makers else "leaf"
    return capture.lines.get(kind, "").replace("{name}", name).replace("{output}", problem.output)


def _asked(question: Question, head: str, capture: Capture) -> Iterator[Text]:
    """What became of an ask: the outcome, and where there is no gradient the reason, the place and the remedy."""
    problem, name = question.problem, question.name.rpartition("/")[2]
    index = problem.asks.index(question.name)
    asked, answer = capture.asked[index], behaviours.given(capture, index)
    said = f"raises {behaviours.where(problem, asked)}: {asked.error}" if asked.outcome == "raises" else answer.outcome
    said = behaviours.in_words(answer) if answer.array is not None else said
    why, there = behaviours.why(problem, asked), answer.array is not None and asked.reason is None
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
    leaf = problem.graph.leaves[name]
    if leaf.role == "buffer":
        return "It is a buffer, of which no gradient is ever asked."
    if leaf.dtype.startswith("int"):
        return "It is of integers, which have no gradient."
    return "The spec does not ask for it: write `grad: true` there."


def _labelled(label: str, text: str | Text) -> Iterator[Text]:
    if text:
        yield Text(f"  {label:<10}", "dim").append(text)
