"""What a gradient means in each framework: behaviours against frameworks, in words."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from gradconform.behaviour import Word
from gradconform.contract.run import RunInfo
from gradconform.rows import CheckKind, Row, Verdict
from gradconform.words import counted

BEGIN, END = "<!-- behaviours -->", "<!-- /behaviours -->"
_MARKS = {Verdict.KNOWN: "≠ ", Verdict.DIVERGES: "✗ ", Verdict.CRASHED: "✗ "}
WIDTH = 150
_NOT_RUN = "not run"


@dataclass(frozen=True)
class Cell:
    """What one framework does to one tensor.

    word: for what it does.
    verdict: None where there is no row.
    reason: the row's.
    """

    word: str
    verdict: Verdict | None
    reason: str

    @property
    def mark(self) -> str:
        """The sign that stands before the word of a cell, so that no colour is needed."""
        return _MARKS.get(self.verdict, "") if self.verdict else ""

    @property
    def more(self) -> bool:
        """Whether the reason says more than the word of the cell."""
        return self.reason not in ("", self.word)


@dataclass(frozen=True)
class Line:
    """One asked tensor.

    ask: what was asked for.
    right: the word for what is right.
    cells: one for each framework, in the order of the columns.
    """

    ask: str
    right: str
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        """Whether any framework does otherwise than the sum rule with this tensor."""
        return any(cell.verdict != Verdict.CONFORMS for cell in self.cells)


@dataclass(frozen=True)
class Behaviour:
    """One behaviour with its asks.

    name, about: what it is called, and what it shows.
    lines: one for each ask.
    """

    name: str
    about: str
    lines: tuple[Line, ...]

    @property
    def differs(self) -> bool:
        """Whether any framework does otherwise than the sum rule in this behaviour."""
        return any(line.differs for line in self.lines)


@dataclass(frozen=True)
class Table:
    """Every behaviour of a run.

    columns: (framework, version).
    behaviours: in the order of their files.
    words: those that stand in it, with what they say.
    answers: how many rows of each verdict it is made of.
    """

    columns: tuple[tuple[str, str], ...]
    behaviours: tuple[Behaviour, ...]
    words: tuple[tuple[str, str], ...]
    answers: Mapping[Verdict, int]

    @property
    def in_a_line(self) -> str:
        """The behaviours in one line for a terminal; empty where there are none."""
        if not self.behaviours:
            return ""
        counts = f"{counted(len(self.behaviours), 'behaviour')}, {counted(sum(self.answers.values()), 'answer')}"
        others = (
            (Verdict.KNOWN, "otherwise than the sum rule, as recorded"),
            (Verdict.DIVERGES, "otherwise and not recorded"),
        )
        counted_otherwise = [f"{self.answers[verdict]:,} {how}" for verdict, how in others if self.answers.get(verdict)]
        return "; ".join([counts, *counted_otherwise]) + "."

    @property
    def groups(self) -> list[tuple[str, list[Behaviour]]]:
        """Name of a file, in words -> its behaviours."""
        return [
            (name.replace("_", " "), list(group))
            for name, group in groupby(self.behaviours, lambda behaviour: behaviour.name.partition(".")[0])
        ]


def table_of(every: Iterable[Row], run: RunInfo) -> Table:
    """The table of the behaviours among all rows of a run; empty where the rows hold none."""
    rows = [row for row in every if row.check.kind == CheckKind.SEMANTICS]
    versions = dict.fromkeys((row.framework, row.version) for row in rows if row.version)
    order = [info.name for info in run.frameworks]
    columns = sorted(versions, key=lambda pair: (order.index(pair[0]) if pair[0] in order else len(order), pair))
    about = {network.name: network.about for network in run.networks}
    by_ask: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        by_ask.setdefault(row.spec, {}).setdefault(row.tensor, []).append(row)
    behaviours = tuple(Behaviour(name, about.get(name, ""), _lines(by_ask[name], columns)) for name in sorted(by_ask))
    used = {cell.word.partition(" ")[0] for b in behaviours for line in b.lines for cell in line.cells}
    used |= {line.right for behaviour in behaviours for line in behaviour.lines}
    words = tuple((str(word), word.about) for word in Word if word in used)
    return Table(tuple(columns), behaviours, words, Counter(row.verdict for row in rows))


def _lines(rows: Mapping[str, Sequence[Row]], columns: Sequence[tuple[str, str]]) -> tuple[Line, ...]:
    whole = rows.get("", ())
    asks = [ask for ask in rows if ask] or [""]
    return tuple(_line(ask, [*rows.get(ask, ()), *(whole if ask else ())], columns) for ask in asks)


def _line(ask: str, rows: Sequence[Row], columns: Sequence[tuple[str, str]]) -> Line:
    # A framework that never came up has no version: its row stands in each of its columns.
    cells = [
        next((_cell(r) for r in rows if r.framework == name and r.version in (version, "")), Cell(_NOT_RUN, None, ""))
        for name, version in columns
    ]
    return Line(ask, next(filter(None, (row.answered.right for row in rows)), ""), tuple(cells))


def _cell(row: Row) -> Cell:
    judged = row.verdict in (Verdict.CONFORMS, Verdict.KNOWN, Verdict.DIVERGES)
    return Cell(row.answered.word if judged else str(row.verdict), row.verdict, row.reason)


def markdown(table: Table) -> str:
    """What frameworks do otherwise than the sum rule, as a table for a page of Markdown, and what the words say."""
    columns = [f"{name} {version.partition('+')[0]}" for name, version in table.columns]
    heads = ["behaviour", "tensor", "sum rule", *columns]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for behaviour in table.behaviours:
        alike: dict[tuple[str, ...], list[str]] = {}
        for line in filter(attrgetter("differs"), behaviour.lines):
            words = tuple(cell.mark + cell.word for cell in line.cells)
            alike.setdefault((line.right, *words), []).append(f"`{line.ask}`" if line.ask else "")
        about = behaviour.about or behaviour.name
        lines += [f"| {about} | " + " | ".join([", ".join(asks), *words]) + " |" for words, asks in alike.items()]
    same = sum(not behaviour.differs for behaviour in table.behaviours)
    explained = "; ".join(f"*{word}*: {about}" for word, about in table.words)
    alike_all = f"In {same} more behaviours all of them do what the sum rule says."
    return "\n".join([*lines, "", alike_all, "", textwrap.fill(f"{explained}.", WIDTH)])


def filled(text: str, table: str) -> str:
    """A text with the table put between the table's markers. Raises ValueError where they are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} and {END}; expected both, with the table between them")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"
