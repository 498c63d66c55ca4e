"""pytest collects specs as tests: one for each spec, framework and dtype. See docs/pytest.md."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

from gradconform.dtypes import NAMES
from gradconform.testing.items import SpecFile, SpecItem
from gradconform.testing.session import RUN, SUFFIXES, WORK, Run

_ITEM = re.compile(rf"\.ya?ml::(?P<spec>[^\[]+)\[(?P<adapter>.+)-(?P<dtype>{'|'.join(NAMES)})(?P<exact>-exact)?\]$")
INI: tuple[tuple[str, Any, str], ...] = (
    ("gradconform_specs", "args", "globs, from the root, of the files that are specs; by default all that look it"),
    ("gradconform_adapters", "args", "adapters, as for --gradconform-adapter"),
    ("gradconform_known", "paths", "folders with known divergences beside those that come along"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options to the command line, and their like to the configuration file."""
    group = parser.getgroup("gradconform", "gradients of specs, judged in every framework")
    group.addoption(
        "--gradconform-adapter",
        action="append",
        default=[],
        metavar="NAME_OR_FOLDER",
        help="an adapter's name (torch, chainer-6.3) or folder; all that come along by default",
    )
    group.addoption("--gradconform-out", metavar="FOLDER", help="write a report of all specs that ran")
    for name, kind, about in INI:
        parser.addini(name, about, type=kind, default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Make the object that the specs of a session share, and nothing else: nothing heavy is imported here.

    Where a report is to go is looked at now, and not after hours.
    """
    run = config.stash[RUN] = Run(config)
    if run.writes:
        run.begin()
        config.pluginmanager.register(Reporting(run))


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect a file as tests where it is a spec; YAML of other tools is left alone."""
    collectors = yield
    if file_path.suffix in SUFFIXES and parent.config.stash[RUN].is_spec(file_path, parent, taken=bool(collectors)):
        collectors.append(SpecFile.from_parent(parent, path=file_path))
    return collectors


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test's rows travel with its report, so that what was judged is there even when its process dies later."""
    report = yield
    if isinstance(item, SpecItem) and report.skipped and isinstance(report.longrepr, tuple):
        # A skip is said to be where the spec is, and not in our code.
        report.longrepr = (str(item.path), item.reportinfo()[1] + 1, report.longrepr[2])
    if call.when == "call" and isinstance(item, SpecItem) and item.rows and item.config.stash[RUN].out is not None:
        report.gradconform = json.dumps([astuple(row) for row in item.rows])  # type: ignore[attr-defined]
    return report


class Reporting:
    """Collects the rows of all tests, from this process or from xdist's workers."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.said = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the rows of a test; one that failed without any has crashed."""
        from gradconform.rows import Row, blank

        told = getattr(report, "gradconform", None)
        if told is not None:
            # Where a test is run twice, the last one counts.
            self.run.rows[report.nodeid] = [Row(*values) for values in json.loads(told)]
        elif report.failed and report.when != "teardown" and (item := _ITEM.search(report.nodeid)):
            self.run.rows.setdefault(report.nodeid, []).append(
                blank(
                    spec=item["spec"],
                    framework=item["adapter"],
                    dtype=item["dtype"],
                    verdict="crashed",
                    check="exact" if item["exact"] else "local",
                    reason=report.longreprtext.strip(),
                )
            )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, and note what to say of it; where it cannot be written the session fails."""
        try:
            self.said = self.run.report()
        except OSError as error:
            self.said = f"no report in {self.run.out}: {error.filename or self.run.out}: {error.strerror or error}"
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where the report is."""
        terminalreporter.write_line(f"gradconform {self.said}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End the frameworks' processes, so that none outlives the tests."""
    session.config.stash[RUN].close()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the files that were made for the tests."""
    run = config.stash.get(RUN, None)
    if run is not None:
        run.close()
        run.remove()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist's workers on this machine share one folder, and so start each framework once."""
    if node.gateway.spec.popen:
        node.workerinput[WORK] = str(node.config.stash[RUN].place)
