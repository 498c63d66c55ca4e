"""What becomes of a spec's test: pass, fail with node and numbers, skip with a reason, expected failure."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from fake_adapter import SPEC, fake
from gradconform import report  # noqa: F401

# pytester takes back what was imported inside it, and NumPy may be imported once.
from gradconform.capture import adapters
from gradconform.report.files import read_csv

pytestmark = pytest.mark.process

pytest_plugins = ["pytester"]

RIGHT = "return np.maximum(x, 0)"
WRONG = "return np.maximum(x, 0) * np.float32(1.001)"
# Wrong in networks of one shape alone.
SHAPED = "return np.maximum(x, 0) * np.float32(1.001 if x.shape == (2, 7) else 1)"
OTHER = SPEC.replace("[3, 2]", "[2, 7]")
# At import, which is where seconds go.
COUNTED = "open({!r}, 'a').write('import\\n')"


def run(pytester: pytest.Pytester, *arguments: object, adapter: str = "./fake") -> pytest.RunResult:
    """pytest in this process, with one adapter that was named."""
    return pytester.runpytest_inprocess("--gradconform-adapter", adapter, *map(str, arguments))


def reported(pytester: pytest.Pytester, out: str) -> pytest.RunResult:
    """pytest in its own process, since pyarrow may be imported once too, with a report."""
    return pytester.runpytest_subprocess("--gradconform-adapter", "./fake", "--gradconform-out", out)


def known(pytester: pytest.Pytester, **changes: str) -> None:
    """A list of one divergence, and a configuration that names it."""
    entry = {
        "framework": "fake",
        "operator": "relu",
        "tensor": "output",
        "at_most": {"relative": 1.1e-3},
        "shows": {"in": "../net.yaml"},
        "reason": "multiplied by 1.001 on purpose",
        "link": "this test",
    }
    pytester.mkdir("lists").joinpath("fake.yaml").write_text(json.dumps([entry | changes]))
    pytester.makeini("[pytest]\ngradconform_known = lists\n")


@pytest.mark.parametrize(
    ("framework", "outcomes"),
    [("torch", {"passed": 2}), ("chainer", {"passed": 2}), ("nnabla", {"passed": 1, "skipped": 1})],
)
def test_a_network_in_a_framework(pytester: pytest.Pytester, framework: str, outcomes: dict[str, int]) -> None:
    """A real one: it passes, and what the framework does not have is skipped in its words."""
    pytester.makefile(".yaml", net=SPEC.replace("[float32]", "[float32, float64]"))
    done = run(pytester, "-rs", adapter=framework)
    done.assert_outcomes(**outcomes)
    if "skipped" in outcomes:
        done.stdout.fnmatch_lines(["SKIPPED ?1? net.yaml:4: unsupported: *float64*"])


def test_a_failure_shows_node_and_numbers(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is in the spec, how far off, and both values; no line of our own code."""
    fake(pytester.path, monkeypatch, op=WRONG)
    pytester.makefile(".yaml", net=SPEC)
    done = run(pytester, "--junitxml=junit.xml")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        [
            "net in fake 1.0, float32: culprit y (relu, net.yaml:4): 1 tensor diverges",
            "  output/y ?3, 2?: beyond its bound of 0 at ??, ??: got *, expected *; * such elements",
            "FAILED net.yaml::net?fake-float32? - *NotConformi*",
        ]
    )
    assert "harness/" not in done.stdout.str()
    (case,) = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    assert {p.get("name"): p.get("value") for p in case.iter("property")} == {
        "version": "1.0",
        "culprit": "y",
        "largest_ratio": "inf",
    }
    assert "culprit y" in case.findall("failure")[0].get("message", "")


def test_a_crash_fails_with_its_words(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The problem it died in fails; what comes after it in the same process is judged."""
    fake(pytester.path, monkeypatch, op=f"x.shape == (2, 7) and (print('out of luck'), os._exit(7))\n{RIGHT}")
    pytester.makefile(".yaml", a=OTHER, b=SPEC)
    done = run(pytester)
    done.assert_outcomes(failed=1, passed=1)
    done.stdout.fnmatch_lines(["a in fake, float32: crashed: ended with exit status 7; last lines: out of luck"])


def test_what_a_framework_does_not_have_is_skipped(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its sentence."""
    fake(pytester.path, monkeypatch, op="raise NotImplementedError('fake has no relu')")
    pytester.makefile(".yaml", net=SPEC)
    done = run(pytester, "-rs")
    done.assert_outcomes(skipped=1)
    done.stdout.fnmatch_lines(["SKIPPED ?1? net.yaml:4: unsupported: *fake has no relu*"])


def test_a_problem_that_cannot_be_drawn(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails with the step that rounds; the others of the batch are judged."""
    fake(pytester.path, monkeypatch, op=RIGHT)
    pytester.makefile(".yaml", b=SPEC)
    pytester.path.joinpath("a.yaml").write_text(
        "about: x\nvalues: [exact]\ndtypes: [float32]\ninputs: {x: {shape: [2]}}\nnodes: {y: {op: tanh}}\n"
    )
    done = run(pytester)
    done.assert_outcomes(failed=1, passed=1)
    done.stdout.fnmatch_lines(["*a.yaml: values: exact: node y*"])


def test_a_listed_divergence_is_an_expected_failure(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its reason; --runxfail turns it into a failure, as ever."""
    fake(pytester.path, monkeypatch, op=WRONG)
    pytester.makefile(".yaml", net=SPEC)
    known(pytester)
    done = run(pytester, "-rx")
    done.assert_outcomes(xfailed=1)
    assert "multiplied by 1.001 on purpose" in done.stdout.str()
    run(pytester, "--runxfail").assert_outcomes(failed=1)


def test_a_listed_divergence_that_vanished_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is strict."""
    fake(pytester.path, monkeypatch, op=RIGHT)
    pytester.makefile(".yaml", net=SPEC)
    known(pytester)
    done = run(pytester)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*listed divergence vanished: multiplied by 1.001 on purpose*"])


def test_a_divergence_beside_a_listed_one_fails(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is listed is expected."""
    fake(pytester.path, monkeypatch, op=WRONG)
    pytester.makefile(".yaml", net=SPEC)
    known(pytester, tensor="grad/x")
    run(pytester).assert_outcomes(failed=1)


def test_a_malformed_list_is_named(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """File, entry and what was expected."""
    fake(pytester.path, monkeypatch, op=RIGHT)
    pytester.makefile(".yaml", net=SPEC)
    known(pytester, reason="short")
    done = run(pytester)
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*fake.yaml:1: entry 1: *reason*"])


def test_an_absent_framework_is_skipped_unless_it_was_named(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default what is there is tested, and the rest says what to type; where nothing is there nothing passes."""
    folder = fake(pytester.path, monkeypatch, op=RIGHT)
    here = adapters.Adapter("fake", "fake", folder, adapters.find(str(folder)).interpreter, "test")

    def find(name: str) -> adapters.Adapter:
        if name == "fake" and present:
            return here
        raise adapters.AdapterError(f"adapter {name}: no interpreter found; type something")

    monkeypatch.setattr(adapters, "names", lambda: ["fake", "other"])
    monkeypatch.setattr(adapters, "find", find)
    pytester.makefile(".yaml", net=SPEC)
    present = True
    done = pytester.runpytest_inprocess("-rs")
    done.assert_outcomes(passed=1, skipped=1)
    done.stdout.fnmatch_lines(["SKIPPED*not run: adapter other: no interpreter found; type something"])
    done = run(pytester, adapter="other")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["not run: adapter other: no interpreter found; type something"])
    present = False
    pytester.runpytest_inprocess().assert_outcomes(failed=2)


def test_adapters_of_the_configuration(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """They count as named, and the command line overrules them."""
    fake(pytester.path, monkeypatch, op=RIGHT)
    pytester.makefile(".yaml", net=SPEC)
    pytester.makeini("[pytest]\ngradconform_adapters = nobody\n")
    done = pytester.runpytest_inprocess()
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*nobody: no such adapter*"])
    run(pytester).assert_outcomes(passed=1)


def test_the_last_failed(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """--lf runs what failed, and captures nothing else."""
    log = pytester.path / "log"
    fake(pytester.path, monkeypatch, op=f"open({str(log)!r}, 'a').write(str(x.shape))\n{SHAPED}")
    pytester.makefile(".yaml", a=SPEC, b=OTHER)
    run(pytester).assert_outcomes(passed=1, failed=1)
    log.unlink()
    run(pytester, "--lf").assert_outcomes(failed=1)
    assert log.read_text() == "(2, 7)"


def test_a_framework_is_imported_once(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all specs of a run."""
    log = pytester.path / "log"
    fake(pytester.path, monkeypatch, top=COUNTED.format(str(log)), op=RIGHT)
    pytester.makefile(".yaml", a=SPEC, b=SPEC, c=OTHER)
    run(pytester).assert_outcomes(passed=3)
    assert log.read_text() == "import\n"


def test_nothing_is_left_behind(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Problems and captures are gone when the run ends, though it ended early."""
    fake(pytester.path, monkeypatch, op=SHAPED)
    temporary = pytester.mkdir("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    pytester.makefile(".yaml", a=OTHER, b=SPEC)
    run(pytester, "-x").assert_outcomes(failed=1)
    assert list(temporary.iterdir()) == []


def test_the_report_is_that_of_the_command(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row for row, with the frameworks' versions; and nothing but the report is left."""
    fake(pytester.path, monkeypatch, op=SHAPED)
    pytester.makefile(".yaml", a=SPEC, b=OTHER)
    done = reported(pytester, "out/here")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["gradconform report: *out/here/index.html"])
    command = ["gradconform", "run", "a.yaml", "b.yaml", "--adapter", "./fake", "--out", "out/there"]
    pytester.run(Path(sys.executable).with_name(command[0]), *command[1:])
    pd.testing.assert_frame_equal(read_csv(Path("out/here/diff.csv")), read_csv(Path("out/there/diff.csv")))
    assert sorted(path.name for path in Path("out").iterdir()) == ["here", "there"]
    info = json.loads(Path("out/here/run.json").read_text())
    assert info["command"].startswith("pytest ")
    assert info["command"].endswith("--gradconform-adapter ./fake --gradconform-out out/here")
    assert [framework["version"] for framework in info["frameworks"]] == ["1.0"]


def test_a_report_says_what_could_not_be_judged(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that failed before it had rows has one row, which says why."""
    fake(pytester.path, monkeypatch, op=RIGHT)
    pytester.makefile(".yaml", a=SPEC, b=OTHER)
    pytester.makeconftest("def pytest_runtest_call(item):\n    if item.name.startswith('b'): raise OSError('lost')\n")
    reported(pytester, "out").assert_outcomes(passed=1, failed=1)
    frame = read_csv(Path("out/diff.csv"))
    (lost,) = frame[frame["spec"] == "b"].itertuples()
    assert (lost.framework, lost.dtype, lost.check, lost.verdict) == ("fake", "float32", "local", "crashed")
    assert "OSError: lost" in lost.reason


@pytest.mark.parametrize("out", ["file", "file/deep"])
def test_a_report_that_cannot_be_written_is_known_at_once(pytester: pytest.Pytester, out: str) -> None:
    """Before anything is run."""
    pytester.path.joinpath("file").write_text("")
    done = pytester.runpytest_inprocess("--gradconform-out", out)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: --gradconform-out *{out}: *"])


def test_no_report_where_nothing_ran(pytester: pytest.Pytester) -> None:
    """And it says so."""
    pytester.makepyfile("def test_nothing(): pass")
    done = pytester.runpytest_inprocess("--gradconform-out", "out")
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["gradconform no report in *out: no spec was run"])
