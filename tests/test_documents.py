"""The documents: links lead somewhere, README is short, figures are those measured, and every word is explained."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest
from gradconform.behaviour import Word
from gradconform.contract.forms import REASONS
from gradconform.judge import behaviours
from gradconform.reasons import Code
from gradconform.report.files import read
from gradconform.rows import Blame, Verdict
from test_layout import GROUND, LAYERS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "reports" / "README.md"])
LINES, BYTES = 120, 8192
"""README's length: what somebody reads before deciding whether to read on."""


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a document's headings, those in blocks of code aside."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(path: Path) -> list[str]:
    """The links and pictures of a document that lead to no file, or to no heading of it."""
    found = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        there = path.parent / name if name else path
        if not there.exists() or (anchor and anchor not in anchors(there.read_text(encoding="utf-8"))):
            found.append(target)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    """Relative ones; those to other hosts are not followed."""
    assert broken(path) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    """The twin: one good link, one to no file, one to no heading, of the same document and of another."""
    (tmp_path / "other.md").write_text("# The `one` heading\n\n```\n# no heading\n```\n")
    good = "[a](other.md), [b](other.md#the-one-heading), ![c](#here), [d](https://example.org/nothing)"
    bad = ["none.md", "other.md#no-heading", "#there"]
    page = tmp_path / "page.md"
    page.write_text(f"# Here\n\n{good}\n" + " ".join(f"[x]({target})" for target in bad))
    assert broken(page) == bad


def unreached(readme: Path) -> set[str]:
    """The pages of docs/ to which no chain of links leads from README."""
    root, reached, left = readme.parent, set(), [readme]
    while left:
        path = left.pop()
        for target in re.findall(r"\]\(([^)#\s]+\.md)", path.read_text(encoding="utf-8")):
            there = (path.parent / target).resolve()
            if there not in reached and there.is_relative_to(root) and there.exists():
                reached.add(there)
                left.append(there)
    return {path.name for path in root.glob("docs/*.md")} - {path.name for path in reached}


def test_every_page_can_be_reached_from_readme(tmp_path: Path) -> None:
    """A page that nothing leads to is not read; the twin has one."""
    assert unreached(ROOT / "README.md") == set()
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("[a](docs/a.md)")
    for name, text in (("a", "[b](b.md)"), ("b", "[README](../README.md)"), ("c", "[a](a.md)")):
        (tmp_path / "docs" / f"{name}.md").write_text(text)
    assert unreached(tmp_path / "README.md") == {"c.md"}


def test_readme_is_short() -> None:
    """What is longer belongs on a page of docs/."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count("\n") <= LINES
    assert len(text.encode()) <= BYTES


Figures = dict[tuple[str, str], str]


def measured(results: str) -> Figures:
    """(operator, dtype) -> the largest ratio over the frameworks, from the table of benchmarks/results.md."""
    [table] = re.findall(r"^\| operator \| dtype \| elements \|.*?(?=^$)", results, re.M | re.S)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    # A gradient that several operators send back together has a line of its own there, and none on the page.
    return {(row[0], row[1]): max(filter(None, row[3:-1]), key=float) for row in rows if " + " not in row[0]}


def shown(page: str) -> Figures:
    """The same from the table of docs/figures.md, which has three operators side by side."""
    [table] = re.findall(r"^(\| operator \| float32 .*?)\Z", page, re.M | re.S)
    found = {}
    for line in table.splitlines()[2:]:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        for operator, single, double in zip(cells[::3], cells[1::3], cells[2::3], strict=True):
            found |= {(operator, "float32"): single, (operator, "float64"): double} if operator else {}
    return found


RESULTS = (ROOT / "benchmarks" / "results.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")


def test_the_ratios_of_the_page_are_those_measured() -> None:
    """Operator by operator, and README's largest is the largest of them."""
    assert shown(PAGE) == measured(RESULTS)
    largest = max(shown(PAGE).values(), key=float)
    assert f"no honest operator comes above {largest} of 4" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_another_ratio_is_noticed() -> None:
    """The twin: one figure of the page is another."""
    changed = PAGE.replace("| batch_norm | 2.69 |", "| batch_norm | 2.68 |")
    assert changed != PAGE
    assert shown(changed) != measured(RESULTS)


DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "reports" / "README.md").read_text(encoding="utf-8")


def ladder(page: str) -> list[str]:
    """The rungs that the picture of the layers shows, from below."""
    [picture] = re.findall(r"^    testing/.*?(?=^\S)", page, re.M | re.S)
    return re.findall(r"^    ([a-z]+)\b", picture, re.M)[::-1]


def test_the_picture_of_the_layers_is_the_ladder() -> None:
    """Every module of the ground and every folder, in the order that the law of imports has."""
    assert ladder(DESIGN) == [*GROUND, *LAYERS]


def test_two_layers_the_wrong_way_round_are_noticed() -> None:
    """The twin: two rungs of the picture exchanged, and one left out."""
    lines = DESIGN.splitlines()
    [judge] = [i for i, line in enumerate(lines) if line.startswith("    judge/")]
    other = [*lines[:judge], lines[judge + 1], lines[judge], *lines[judge + 2 :]]
    assert ladder("\n".join(other)) != [*GROUND, *LAYERS]
    assert ladder("\n".join([*lines[:judge], *lines[judge + 1 :]])) != [*GROUND, *LAYERS]


def unexplained(page: str, chapter: str, words: Iterable[str]) -> list[str]:
    """The words that have no line in a chapter's table; reasons of missing tensors stand in the text below theirs."""
    [text] = re.findall(rf"^## {chapter}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    return [word for word in words if not re.search(rf"^\| `{re.escape(word)}(:<\w+>)?` \| \S", text, re.M)]


def checks() -> set[str]:
    """The checks of a real run and those of its behaviours, numerical derivatives, routes and claims."""
    seen = {check.partition(":")[0] for check in read(ROOT / "reports" / "sample" / "run")["check"]}
    return seen | {behaviours.CHECK, "exact", "numeric", "route", "claim", "unchanged", "repeat"}


def of_the_judge() -> list[Code]:
    """The reasons that are no adapter's alone: the judge says `not_on_path` too."""
    return [code for code in Code if code not in get_args(REASONS) or code is Code.NOT_ON_PATH]


CHAPTERS: dict[str, Iterable[str]] = {
    "Checks": sorted(checks()),
    "Verdicts": list(Verdict),
    "How culprits were found": [word for word in Blame if word],
    "Reasons in one word": of_the_judge(),
    "Words of behaviours": list(Word),
    "Reasons of missing tensors": get_args(REASONS),
}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_word_of_a_row_is_explained(chapter: str) -> None:
    """Each has a line in the guide to the columns; the twin: without that line it is named."""
    words = list(CHAPTERS[chapter])
    assert words
    assert unexplained(GUIDE, chapter, words) == []
    for word in words:
        without = re.sub(rf"^\| `{re.escape(word)}(:<\w+>)?` \|.*\n", "", GUIDE, flags=re.M)
        assert unexplained(without, chapter, words) == [word]


def glossary(page: str) -> list[str]:
    """The words that the chapter Words defines."""
    found = re.findall(r"^\| ([\w -]+) \| \S", page[page.index("\n## Words\n") :], re.M)
    return [word for word in found if word != "word"]


MUST = {
    "spec",
    "mistake",
    "network",
    "graph",
    "node",
    "operator",
    "family",
    "leaf",
    "between",
    "cotangent",
    "problem",
    "exact problem",
    "harness",
    "adapter",
    "worker",
    "route",
    "capture",
    "address",
    "reference",
    "unit roundoff",
    "bound",
    "ratio",
    "check",
    "verdict",
    "reason",
    "culprit",
    "known divergence",
    "evidence",
    "claim",
    "behaviour",
    "script",
    "ask",
    "habit",
    "convention",
    "direction",
    "probe",
    "kink",
    "bar",
    "run",
    "manifest",
    "history",
}
"""What the folders, the columns and the messages speak of."""


def test_each_word_is_defined_and_defined_once() -> None:
    """And the twin: a word that is defined twice."""
    words = glossary(DESIGN)
    assert MUST - set(words) == set()
    assert len(words) == len(set(words))
    twice = glossary(DESIGN + "\n| probe | something else |\n")
    assert len(twice) != len(set(twice))
