"""`assert_conforms` in a test of one's own: what passes, what fails and with which words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fake_adapter import SPEC, fake
from gradconform import assert_conforms
from gradconform.capture import adapters
from gradconform.capture.adapters import AdapterError
from gradconform.judge.known import Known, KnownError
from gradconform.spec import SpecError
from gradconform.testing.conforms import NotConformingError

pytestmark = pytest.mark.process

RIGHT = "return np.maximum(x, 0)"
WRONG = "return np.maximum(x, 0) * np.float32(1.001)"
LISTED = {
    "framework": "fake",
    "operator": "relu",
    "tensor": "output",
    "at_most": {"relative": 1.1e-3},
    "reason": "multiplied by 1.001 on purpose",
    "link": "this test",
}


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """A spec of one node."""
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return path


def test_what_conforms_gives_its_rows(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each tensor; a text, a path and a list of either name the adapters."""
    folder = fake(tmp_path, monkeypatch, op=RIGHT)
    for named in (folder, str(folder), [folder], (str(folder),)):
        rows = assert_conforms(str(net), adapters=named)
        assert {row.tensor for row in rows if row.verdict == "conforms"} == {"output/y", "grad/x"}


def test_real_frameworks_together(net: Path) -> None:
    """They are compared with each other too."""
    rows = assert_conforms(net, adapters=["torch", "chainer"])
    assert {row.framework for row in rows if row.verdict == "conforms"} == {"torch", "chainer"}
    assert {row.check for row in rows} >= {"local", "end_to_end"}


def test_what_diverges_is_an_assertion_error(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the node, its line and the numbers."""
    wrong = fake(tmp_path, monkeypatch, name="wrong", op=WRONG)
    right = fake(tmp_path, monkeypatch, name="right", op=RIGHT)
    with pytest.raises(AssertionError) as caught:
        assert_conforms(net, adapters=[right, wrong])
    first, second = str(caught.value).splitlines()
    assert first == f"net in wrong 1.0, float32: culprit y (relu, {net}:4): 1 tensor diverges"
    assert second.startswith("  output/y [3, 2]: beyond its bound of 0 at [")


def test_a_failing_test_shows_its_own_line_and_the_message(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the code of `assert_conforms`, which a user can do nothing about; pytest's --full-trace still has it."""
    wrong = fake(tmp_path, monkeypatch, name="wrong", op=WRONG)
    with pytest.raises(AssertionError) as caught:
        assert_conforms(net, adapters=wrong)
    shown = str(caught.getrepr())
    assert "assert_conforms(net, adapters=wrong)" in shown
    assert "1 tensor diverges" in shown
    assert "raise NotConformingError" not in shown
    assert "raise NotConformingError" in str(caught.getrepr(tbfilter=False))


def test_a_crash_fails(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the last words."""
    with pytest.raises(NotConformingError, match="crashed: ended with exit status 7"):
        assert_conforms(net, adapters=fake(tmp_path, monkeypatch, op="os._exit(7)"))


def test_a_missing_gradient_fails(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason that the adapter gives."""
    folder = fake(tmp_path, monkeypatch, op=RIGHT)
    routes = folder / "routes.py"
    routes.write_text(routes.read_text().replace(', "grad/x": dy * factor}, {}', '}, {"grad/x": "graph_cut"}'))
    with pytest.raises(NotConformingError, match=r"1 tensor is missing\n  grad/x \[3, 2\]: graph_cut"):
        assert_conforms(net, adapters=folder)


def test_nothing_judged_is_no_success(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One framework that conforms does not speak for another that has no such operator."""
    right = fake(tmp_path, monkeypatch, name="right", op=RIGHT)
    without = fake(tmp_path, monkeypatch, name="without", op="raise NotImplementedError('no relu here')")
    with pytest.raises(
        NotConformingError, match=r"net in without 1\.0: nothing was judged; unsupported: .*no relu here"
    ):
        assert_conforms(net, adapters=[right, without])


def test_a_known_divergence_is_expected_to_happen(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a mapping or as a value; a listed one that vanished fails."""
    wrong = fake(tmp_path / "wrong", monkeypatch, op=WRONG)
    for entry in (LISTED, Known.model_validate({**LISTED, "shows": {"in": net}})):
        rows = assert_conforms(net, adapters=wrong, known=[entry])
        assert {row.tensor for row in rows if row.verdict == "known"} == {"output/y"}
    right = fake(tmp_path / "right", monkeypatch, op=RIGHT)
    with pytest.raises(NotConformingError, match="listed divergence vanished"):
        assert_conforms(net, adapters=right, known=[LISTED])
    with pytest.raises(KnownError, match="operator"):
        assert_conforms(net, adapters=right, known=[{"framework": "net"}])


def test_a_fault_that_got_worse_or_is_of_another_node_is_news(
    net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named like the listed one as it is; and a file of several networks needs the name of one."""
    wrong = fake(tmp_path / "wrong", monkeypatch, op=WRONG.replace("1.001", "1.002"))
    for entry in (LISTED, {**LISTED, "at_most": {"relative": 1}, "when": {"of": "x", "above": 1e9}}):
        with pytest.raises(NotConformingError, match="1 tensor diverges") as caught:
            assert_conforms(net, adapters=wrong, known=[entry])
        assert "vanished" not in str(caught.value)
    several = tmp_path / "several.yaml"
    several.write_text("operator: relu\nabout: Two.\ncases: {a: {x: {shape: [2]}}, b: {x: {shape: [3]}}}\n")
    with pytest.raises(KnownError, match="has 2 networks; say which with `as`"):
        assert_conforms(several, adapters=wrong, known=[LISTED])


def test_a_seed_changes_the_numbers(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the spec's own is the default."""
    folder = fake(tmp_path, monkeypatch, op=RIGHT)

    def expected(**given: int) -> list[float]:
        return [row.expected for row in assert_conforms(net, adapters=folder, **given)]  # type: ignore[arg-type]

    assert expected() == expected(seed=0) != expected(seed=1)


def test_a_dtype_narrows_what_the_spec_asks_for(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two, and no other word."""
    folder = fake(tmp_path, monkeypatch, op=RIGHT)
    assert {row.dtype for row in assert_conforms(net, adapters=folder, dtype="float64")} == {"float64"}
    with pytest.raises(ValueError, match="dtype is 'float8'; expected"):
        assert_conforms(net, adapters=folder, dtype="float8")


def test_a_bad_spec_is_a_spec_error(net: Path) -> None:
    """With line and nearest name."""
    net.write_text(SPEC.replace("relu", "rellu"))
    with pytest.raises(SpecError, match=r"net.yaml:4: node y: .*did you mean 'relu'"):
        assert_conforms(net)


def test_an_absent_framework(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, it is an error; by default it is a warning where another is there, and an error where none is."""
    folder = fake(tmp_path, monkeypatch, op=RIGHT)
    here = adapters.find(str(folder))

    def find(name: str) -> adapters.Adapter:
        if name == "fake":
            return here
        raise AdapterError(f"adapter {name}: no interpreter found")

    monkeypatch.setattr(adapters, "find", find)
    monkeypatch.setattr(adapters, "names", lambda: ["fake", "other"])
    with pytest.warns(UserWarning, match="not run: adapter other: no interpreter found"):
        assert assert_conforms(net)
    with pytest.raises(AdapterError, match="adapter other"):
        assert_conforms(net, adapters=["fake", "other"])
    with pytest.raises(AdapterError, match="adapters is empty"):
        assert_conforms(net, adapters=[])
    monkeypatch.setattr(adapters, "names", lambda: ["other"])
    with pytest.raises(AdapterError, match="adapter other"):
        assert_conforms(net)


def test_two_adapters_of_one_name(net: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their rows could not be told apart."""
    folders = [fake(tmp_path / place, monkeypatch, op=RIGHT) for place in ("one", "two")]
    with pytest.raises(AdapterError, match="are both called 'fake'"):
        assert_conforms(net, adapters=folders)


def test_the_package_is_imported_lightly() -> None:
    """`import gradconform` brings nothing; the twin is that asking for the function does."""
    loaded = "print('numpy' in sys.modules)"
    code = f"import sys, gradconform; {loaded}; gradconform.assert_conforms; {loaded}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
    import gradconform

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gradconform.nothing  # noqa: B018
