"""`gradconform operators`: what a node can do, what each operator reads and is told, and which framework has it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture.adapters import AdapterError
from gradconform.capture.choice import Choice, choices
from gradconform.command.console import wide_console
from gradconform.errors import UsageError, nearest
from gradconform.reference import OPERATORS, Operator
from gradconform.spec.files import shipped
from gradconform.spec.wording import adapter as validator
from gradconform.spec.wording import expected
from gradconform.words import without_paths

WIDTH = 20
"""How wide the labels are."""


@dataclass(frozen=True)
class Framework:
    """What one framework has.

    name: the adapter's, with the version where one is known.
    about: what the worker says of it; None where it cannot be asked.
    absent: what to do then.
    """

    name: str
    about: Mapping[str, Any] | None
    absent: str = ""

    def has(self, op: str) -> str:
        """`yes`, `composed` of several of the framework's own functions, `no`, or `?` where nobody can know."""
        if self.about is None:
            return "?"
        if op not in self.about["operators"]:
            return "no"
        return "composed" if op in (self.about.get("composed") or {}) else "yes"


@click.command("operators")
@click.argument("name", required=False)
@click.option(
    "--adapter", "adapter", multiple=True, metavar="NAME_OR_FOLDER", help="Only these; all that come along by default."
)
def command(name: str | None, adapter: Sequence[str]) -> None:
    """List the operators, or say everything of the one called NAME."""
    if name is not None and name not in OPERATORS:
        hint = nearest(name, OPERATORS) or "`gradconform operators` lists them"
        raise UsageError(f"{name}: there is no such operator; {hint}")
    frameworks = asked(choices(adapter))
    console = wide_console(320)
    if name is None:
        console.print(table(frameworks))
    else:
        for line in told(OPERATORS[name], frameworks):
            console.print(line, soft_wrap=True)
    for framework in frameworks:
        if framework.absent:
            console.print(f"not asked: {framework.absent}", markup=False, soft_wrap=True)


def asked(chosen: Sequence[Choice]) -> list[Framework]:
    """Each adapter with what it says of itself, all asked at once."""
    with ThreadPoolExecutor(max(len(chosen), 1)) as threads:
        return list(threads.map(_asked, chosen))


def _asked(choice: Choice) -> Framework:
    if choice.adapter is None:
        return Framework(choice.name, None, choice.absent)
    try:
        about = adapters.describe(choice.adapter)
    except AdapterError as error:
        return Framework(choice.name, None, str(error))
    return Framework(f"{choice.name} {about['version']}", about)


def table(frameworks: Sequence[Framework]) -> Table:
    """One line for each operator, by family: what it reads, what it must be told, who has it, and its formula."""
    shown = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    heads = ("operator", "family", "reads", "attributes", *(framework.name for framework in frameworks), "is")
    for head in heads:
        shown.add_column(Text(head), no_wrap=head != "is")
    for op in sorted(OPERATORS.values(), key=lambda op: (op.family, op.name)):
        has = [framework.has(op.name) for framework in frameworks]
        about = op.about.partition("\n")[0]
        texts = (op.name, op.family, ", ".join(op.slots), ", ".join(_told_by_spec(op)) or "none", *has, about)
        shown.add_row(*map(Text, texts))
    return shown


def told(op: Operator, frameworks: Sequence[Framework]) -> Iterator[Text]:
    """Everything that is known of one operator, line by line."""
    yield Text(op.name, "bold").append(f"  ({op.family})", "not bold dim")
    for line in inspect.cleandoc(op.about).splitlines():
        yield Text(f"  {line}".rstrip())
    yield from _part("reads", [_slot(op, slot) for slot in op.slots])
    kinds = _told_by_spec(op)
    written = [f"{key}: {expected(validator(kind).json_schema())}" for key, kind in kinds.items()]
    yield from _part("must be told", written or ["nothing"])
    if kinds:
        yield Text(f"{'':<{WIDTH + 2}}No attribute has a default, since those of the frameworks differ.")
    if op.several:
        yield from _part("gives", ["NODE, " + op.about_results])
    yield from _part("kinks", ["none" if op.smooth else "yes: its derivative jumps"])
    yield from _part("defined in", [_source(op)])
    if op.name in shipped():
        cases = paths.specs_folder() / "operators" / op.family / f"{op.name}.yaml"
        yield from _part("cases", [f"gradconform run {op.name if shipped()[op.name] == cases else cases}"])
    for framework in frameworks:
        why = ((framework.about or {}).get("composed") or {}).get(op.name, "")
        yield from _part(framework.name, [": ".join(filter(None, (framework.has(op.name), str(why))))])


def _part(label: str, lines: Sequence[str]) -> Iterator[Text]:
    for i, line in enumerate(lines):
        yield Text(f"  {'' if i else label:<{WIDTH}}", "dim").append(line, "not dim")


def _slot(op: Operator, slot: str) -> str:
    """What a slot takes, such as `bias: a parameter of the node; may be left off`."""
    if slot in op.buffers:
        kind = "a buffer of the node"
    elif slot in op.parameters:
        kind = "a parameter of the node, or one that it shares"
    elif slot == op.variadic:
        kind = "a list of tensors"
    else:
        kind = "a tensor of integers" if slot in op.integers else "a tensor"
    return f"{slot}: {kind}" + (f"; `{slot}: false` leaves it off" if slot in op.optional else "")


def _told_by_spec(op: Operator) -> dict[str, Any]:
    """The attributes and sizes that a node must say, with their types."""
    return {**op.sizes, **op.attributes}


def _source(op: Operator) -> str:
    """File and line of the definition, from the package's folder on."""
    code = inspect.unwrap(op.forward).__code__
    package = Path(__file__).resolve().parents[1]
    path = Path(code.co_filename).resolve()
    inside = path.relative_to(package.parent) if path.is_relative_to(package) else without_paths(str(path))
    return f"{inside}:{code.co_firstlineno}"
