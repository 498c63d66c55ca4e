"""Specs as pytest's collectors and tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gradconform.testing.session import RUN, Run

if TYPE_CHECKING:
    from gradconform.capture.choice import Choice
    from gradconform.draw.variants import Variant
    from gradconform.rows import Row


class SpecFile(pytest.File):
    """A file of specs, as pytest's collector."""

    def collect(self) -> Iterator[SpecItem]:
        """A test for each network, framework, dtype and kind of values."""
        from gradconform.draw.variants import variants
        from gradconform.spec import load

        run = self.config.stash[RUN]
        for network in load(self.path):
            run.take_name(network)
            for choice in run.choices():
                for variant in variants([network]):
                    exact = "-exact" if variant.values == "exact" else ""
                    name = f"{network.name}[{choice.name}-{variant.dtype}{exact}]"
                    # As a text: some versions of pytest take the brackets into the name otherwise, and --lf does not.
                    yield SpecItem.from_parent(
                        self, name=name, nodeid=f"{self.nodeid}::{name}", choice=choice, variant=variant
                    )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:  # type: ignore[override]
        """What is wrong with a spec, with line numbers; a traceback for what is nobody's mistake but the harness's."""
        return _shown(excinfo) or super().repr_failure(excinfo)


class SpecItem(pytest.Item):
    """One network in one framework, dtype and kind of values, as a test."""

    def __init__(self, *, choice: Choice, variant: Variant, **given: Any) -> None:
        super().__init__(**given)
        self.choice = choice
        self.variant = variant
        self.rows: list[Row] = []

    def runtest(self) -> None:
        """Fail with the culprit where a tensor diverges; skip what the framework lacks; expect what is listed."""
        from gradconform.rows import Verdict
        from gradconform.testing.conforms import NotConformingError, complaint, nothing_judged

        run = self.config.stash[RUN]
        if self.choice.adapter is None:
            self._absent(run)
        assert self.choice.adapter is not None
        selected = ((item.choice, item.variant) for item in self.session.items if isinstance(item, SpecItem))
        rows = run.batches(selected).rows(self.choice.adapter, self.variant, run.known())
        self.rows = run.marked(rows, self.variant.network)
        self._properties()
        wrong = complaint(self.rows, [self.variant.network])
        if wrong:
            raise NotConformingError(wrong)
        if {row.verdict for row in self.rows} == {Verdict.UNSUPPORTED}:
            pytest.skip("; ".join(dict.fromkeys(f"unsupported: {row.reason}" for row in self.rows)))
        if nothing := nothing_judged(self.rows):
            raise NotConformingError(nothing)
        listed = dict.fromkeys(f"{row.tensor}: {row.reason}" for row in self.rows if row.verdict == Verdict.KNOWN)
        if listed:
            pytest.xfail("known: " + "; ".join(listed))
            # Here with --runxfail alone, which asks for expected failures as failures.
            raise NotConformingError("known: " + "\n".join(listed))

    def _absent(self, run: Run) -> None:
        """Fail where a framework is absent that was named, or where none is there; else skip.

        Whoever asked for a framework must not take its absence for success.
        """
        from gradconform.testing.conforms import NotConformingError

        if run.named or all(choice.adapter is None for choice in run.choices()):
            raise NotConformingError(f"not run: {self.choice.absent}")
        pytest.skip(f"not run: {self.choice.absent}")

    def _properties(self) -> None:
        """Note what a JUnit report shows beside the test: version, culprit and largest ratio."""
        ratios = [row.ratio for row in self.rows if row.verdict.judged]
        ratios = [ratio for ratio in ratios if ratio == ratio]
        versions = [row.version for row in self.rows if row.version]
        culprits = dict.fromkeys(row.culprit for row in self.rows if row.culprit)
        for name, values in (("version", versions[:1]), ("culprit", list(culprits))):
            if values:
                self.user_properties.append((name, " ".join(values)))
        if ratios:
            self.user_properties.append(("largest_ratio", f"{max(ratios):.3g}"))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What a failing test shows: node and numbers; a traceback for what is nobody's mistake but the harness's."""
        return _shown(excinfo) or super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the test is: the file, the line of its first node, and its name."""
        first = self.variant.network.nodes[0].name
        return self.path, self.variant.network.lines[first].line - 1, self.name


def _shown(excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
    """The message of an error alone where it says all; None for other errors."""
    from gradconform.errors import GradconformError
    from gradconform.testing.conforms import NotConformingError

    if not isinstance(excinfo.value, NotConformingError | GradconformError):
        return None
    return excinfo.getrepr(style="value", chain=False)
