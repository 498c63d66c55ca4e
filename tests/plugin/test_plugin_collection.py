"""Which files become tests, under which names, and what it costs those who have none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fake_adapter import SPEC, fake
from gradconform import report  # noqa: F401

# pytester takes back what was imported inside it, and NumPy may be imported once.
from gradconform.testing.session import looks_like_a_spec

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
OPERATOR = "about: Two cases.\noperator: relu\ncases:\n  a: {x: {shape: [3]}}\n  b: {x: {shape: [2, 5]}, exact: true}\n"
# What other people keep in YAML: clusters, services, pipelines, actions, workflows, catalogues, tests, lists.
STRANGERS = [
    "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes:\n- role: control-plane\n- role: worker\n",
    "services:\n  web: {image: nginx}\n",
    "name: action\ndescription: x\ninputs:\n  token: {required: true}\nruns: {using: node20}\n",
    "cwlVersion: v1.2\nclass: Workflow\ninputs: {x: File}\noutputs: {}\nsteps: {}\n",
    "inputs: {a: 1}\nnodes:\n  first: {type: loader}\n",
    "operator: me\ncases: 3\n",
    "about: A page.\ntitle: Home\n",
    "test_name: x\nstages: []\n",
    "- spec: a\n  tensor: y\n",
    "inner:\n  about: x\n  nodes: {y: {op: relu}}\n",
    "{ not: [yaml\n",
    "",
]


@pytest.fixture
def adapter(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An adapter that is right."""
    return fake(pytester.path, monkeypatch, op="return np.maximum(x, 0)")


def ids(pytester: pytest.Pytester, *arguments: object) -> list[str]:
    """What a run would run."""
    done = pytester.runpytest_inprocess("--collect-only", "-q", "--gradconform-adapter", "./fake", *map(str, arguments))
    return [line for line in done.outlines if "::" in line]


def test_a_test_for_each_spec_framework_and_dtype(pytester: pytest.Pytester, adapter: Path) -> None:
    """Names are those of the spec, the adapter, the dtype and the kind of values; -k selects by them."""
    pytester.mkdir("specs").joinpath("net.yaml").write_text(SPEC)
    pytester.path.joinpath("specs", "op.yml").write_text(OPERATOR)
    found = ids(pytester, "specs")
    assert found == [
        "specs/net.yaml::net[fake-float32]",
        "specs/op.yml::relu.a[fake-float32]",
        "specs/op.yml::relu.a[fake-float64]",
        "specs/op.yml::relu.b[fake-float32]",
        "specs/op.yml::relu.b[fake-float32-exact]",
        "specs/op.yml::relu.b[fake-float64]",
        "specs/op.yml::relu.b[fake-float64-exact]",
    ]
    assert ids(pytester) == found
    assert ids(pytester, found[3]) == [found[3]]
    assert ids(pytester, "-k", "float64 and not exact") == [found[2], found[5]]


@pytest.mark.parametrize("text", STRANGERS)
def test_other_peoples_yaml_is_left_alone(pytester: pytest.Pytester, text: str) -> None:
    """A run with such a file is as it was before; the twin is that a spec beside it is found."""
    pytester.makefile(".yaml", stranger=text)
    pytester.makepyfile("def test_nothing(): pass")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    pytester.makefile(".yaml", mine=SPEC)
    done = pytester.runpytest_inprocess("--collect-only", "-q", "--gradconform-adapter", "fake")
    assert [line.partition("::")[0] for line in done.outlines if ".yaml::" in line] == ["mine.yaml"]


def test_every_spec_of_this_repository_looks_like_one() -> None:
    """And no list of known divergences or conventions does, nor the atlas."""
    paths = {path.relative_to(ROOT) for path in ROOT.glob("specs/**/*.yaml")}
    lists = {path for path in paths if {"known", "conventions", "atlas"} & set(path.parts)}
    assert lists
    assert {path for path in paths if looks_like_a_spec(ROOT / path)} == paths - lists


def test_what_cannot_be_read_is_no_spec(tmp_path: Path) -> None:
    """Nor is it an error: it may be anybody's."""
    assert not looks_like_a_spec(tmp_path / "dangling.yaml")


@pytest.mark.process
def test_a_bad_spec_gives_its_message(pytester: pytest.Pytester, adapter: Path) -> None:
    """File, line and the nearest right name, and no traceback; the specs beside it are collected."""
    pytester.makefile(".yaml", good=SPEC, bad=SPEC.replace("relu", "rellu"))
    done = pytester.runpytest_inprocess("--gradconform-adapter", "./fake", "--continue-on-collection-errors")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*bad.yaml:4: node y: there is no operator 'rellu'*did you mean 'relu'?*"])
    assert "Traceback" not in done.stdout.str()
    assert "harness/" not in done.stdout.str()


def test_a_file_that_is_named_is_a_spec(pytester: pytest.Pytester, adapter: Path) -> None:
    """Whoever names a file is told what is wrong with it, whatever it holds."""
    pytester.makefile(".yaml", words="just words\n")
    assert pytester.runpytest_inprocess("--gradconform-adapter", "./fake").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    done = pytester.runpytest_inprocess("words.yaml")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*words.yaml:1: the file does not hold a mapping*"])


def test_a_named_file_of_another_plugin_is_left_to_it(pytester: pytest.Pytester) -> None:
    """Other plugins collect YAML as well."""
    pytester.makefile(".yaml", words="just words\n")
    pytester.makeconftest(
        """
        import pytest

        class Item(pytest.Item):
            def runtest(self): pass

        class File(pytest.File):
            def collect(self): yield Item.from_parent(self, name="theirs")

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".yaml":
                return File.from_parent(parent, path=file_path)
        """
    )
    pytester.runpytest_inprocess("words.yaml").assert_outcomes(passed=1)


@pytest.mark.process
def test_globs_say_which_files_are_specs(pytester: pytest.Pytester, adapter: Path) -> None:
    """All that match and nothing else, whatever they look like; `*` ends at a `/`."""
    pytester.makeini("[pytest]\ngradconform_specs = nets/*.yaml\n")
    for place, text in (("nets/a", SPEC), ("nets/bad", "nodes: 3\n"), ("nets/deep/b", SPEC), ("c", SPEC)):
        path = pytester.path / f"{place}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = pytester.runpytest_inprocess("--gradconform-adapter", "./fake", "--continue-on-collection-errors", "-v")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["nets/a.yaml::a?fake-float32? PASSED*", "*nets/bad.yaml*"])
    # What is named is a spec all the same.
    pytester.runpytest_inprocess("--gradconform-adapter", "./fake", "c.yaml").assert_outcomes(passed=1)


@pytest.mark.process
def test_two_specs_of_one_name(pytester: pytest.Pytester, adapter: Path) -> None:
    """Reports and lists of divergences go by the name, so the second is refused, with both files' names."""
    for place in ("one", "two"):
        pytester.mkdir(place).joinpath("net.yaml").write_text(SPEC)
    done = pytester.runpytest_inprocess("--gradconform-adapter", "./fake", "--continue-on-collection-errors")
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*two/net.yaml: is called 'net' like *one/net.yaml; give one of them another `name`"])


IMPORTED = """
import sys, pytest
pytest.main(sys.argv[1:])
print("heavy:", *sorted({"numpy", "scipy", "yaml", "pydantic", "pandas", "gradconform.spec"} & set(sys.modules)))
"""


@pytest.mark.process
def test_a_run_without_specs_imports_nothing(pytester: pytest.Pytester, adapter: Path) -> None:
    """pytest starts as quickly as ever; the twin is that a spec needs all that, but never pandas."""
    pytester.makepyfile("def test_nothing(): pass")
    plain = [sys.executable, "-c", IMPORTED, "-p", "no:hypothesispytest", "-q"]
    environment = ["--gradconform-adapter", "./fake"]
    without = subprocess.run([*plain, *environment], capture_output=True, text=True, cwd=pytester.path)
    assert "1 passed" in without.stdout
    assert without.stdout.splitlines()[-1].strip() == "heavy:"
    pytester.makefile(".yaml", net=SPEC)
    beside = subprocess.run([*plain, *environment], capture_output=True, text=True, cwd=pytester.path)
    assert "2 passed" in beside.stdout
    heavy = ["gradconform.spec", "numpy", "pydantic", "scipy", "yaml"]
    assert beside.stdout.splitlines()[-1].split() == ["heavy:", *heavy]


@pytest.mark.process
def test_our_own_run_has_no_specs_in_it() -> None:
    """`pytest` here collects no YAML of tests/; `pytest specs` collects every network, and no list."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, "tests/faults"], cwd=ROOT, capture_output=True, text=True)
    assert "test_fault_twins.py::" in done.stdout
    assert ".yaml" not in done.stdout
    done = subprocess.run([*command, "specs/networks", "specs/known"], cwd=ROOT, capture_output=True, text=True)
    collected = {line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line}
    assert collected == {f"specs/networks/{path.name}" for path in ROOT.glob("specs/networks/*.yaml")}
