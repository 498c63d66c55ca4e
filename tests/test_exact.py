"""Exact problems with the real frameworks: every one gives the reference's bits, for outputs and for gradients."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from gradconform import paths
from gradconform.capture import adapters, together
from gradconform.capture.together import Capturing
from gradconform.contract import digest, read_capture, read_problem
from gradconform.contract.folder import Folder
from gradconform.draw.problem import draw_problem
from gradconform.draw.variants import Variant
from gradconform.judge import judge
from gradconform.reference.network import reference_of
from gradconform.rows import Row
from gradconform.run.processes import keep_freed_memory
from gradconform.spec import Network, files
from honest import captured

pytestmark = pytest.mark.process

FRAMEWORKS = tuple(adapters.names())


# As much work as all others together ten times over: `make report` and each night have it.
LARGE = "vgg16"


def is_otherwise(row: Row) -> bool:
    """Whether a row has other bits for a reason: a listed fault, or a tie, of which exact numbers have many."""
    return row.verdict == "known" or row.reason == "subgradient"


def networks() -> list[Network]:
    """Every spec that comes along and asks for exact values, but for the large one."""
    folder = paths.specs_folder()
    found = [n for n in files.networks([folder / "networks", folder / "operators"]) if "exact" in n.values]
    assert LARGE in {network.name for network in found}
    return [network for network in found if network.name != LARGE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """All exact problems in float32, the dtype of all three, captured in each framework."""
    # As the judge's own processes do: else half of the time on VGG16 goes into page faults.
    keep_freed_memory()
    found = Folder(tmp_path_factory.mktemp("exact"))
    wanted = [Variant(n, "float32", "exact") for n in networks()]
    for variant in wanted:
        written = draw_problem(variant.network, found.problem(variant.name), dtype="float32", values="exact")
        found.digests[variant.name] = written.digest
    chosen = [adapters.find(name) for name in FRAMEWORKS]
    together.capture(found, wanted, chosen, Capturing(), lambda stage, done, total: None)
    return found


def test_all_frameworks_and_the_reference_agree_to_the_bit(folder: Folder) -> None:
    """Compared directly, without the judge; -0 is 0, and nothing else is anything else.

    An operator that a framework lacks is passed over; each problem is computed by one of them at least.
    """
    compared = 0
    for path, captures in folder.found():
        problem = read_problem(path)
        expected = reference_of(problem)
        not_asked = [leaf.name for leaf in problem.graph.leaves.values() if not leaf.grad]
        for name in (problem.output, *not_asked):
            expected.pop(f"grad/{name}", None)
        excused = {(row.framework, row.tensor) for row in judge(path, captures) if is_otherwise(row)}
        assert not excused or "." in problem.spec, path.name
        read = {name: read_capture(captures[name], problem) for name in FRAMEWORKS}
        able = {name: one for name, one in read.items() if one.status != "unsupported"}
        assert able, path.name
        for name, one in able.items():
            assert one.status == "ok", (path.name, name, one.reason)
            for tensor, proved in expected.items():
                if (name, tensor) in excused:
                    continue
                assert np.array_equal(one.tensors[tensor], proved), (path.name, name, tensor)
            compared += len(expected)
    assert compared > 2 * 3 * len(networks())


def test_the_judge_agrees(folder: Folder) -> None:
    """Not one row of a check to the bit that does not conform."""
    for path, captures in folder.found():
        rows = judge(path, captures)
        found = {(str(r.check), str(r.verdict)) for r in rows if r.verdict != "unsupported"}
        # Only cases of operators show a listed fault to the bit; networks have none.
        listed = {("exact", "known")} if "." in rows[0].spec else set()
        assert {("exact", "conforms")} <= found <= {("exact", "conforms")} | listed, path.name


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("tensor", ["output/conv2", "grad/conv1.weight", "grad/relu2", "grad/x"])
def test_one_flipped_bit_is_caught(folder: Folder, tmp_path: Path, framework: str, tensor: str) -> None:
    """The lowest bit of one element of one tensor of a real capture: that tensor diverges, and no other."""
    problem = folder.problem("cnn.float32.exact")
    copy = tmp_path / "copy"
    shutil.copytree(folder.capture(framework, "cnn.float32.exact"), copy)
    offset = flip(copy / "capture.safetensors", tensor, captured(copy)[tensor])
    document = json.loads((copy / "capture.json").read_text())
    document["digest"] = digest(copy / "capture.safetensors")
    (copy / "capture.json").write_text(json.dumps(document))
    rows = judge(problem, {framework: copy})
    assert {(r.tensor, r.verdict, r.reason) for r in rows if r.verdict != "conforms"} == {
        (tensor, "diverges", "not_bitwise")
    }
    (row,) = [r for r in rows if r.tensor == tensor]
    index = tuple(json.loads(row.worst_index))
    assert int(np.ravel_multi_index(index, captured(copy)[tensor].shape)) == offset


def flip(path: Path, tensor: str, array: np.ndarray) -> int:
    """Flip the lowest bit of the largest element of a tensor in its file; return which element that is."""
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[:8], "little")
    begin, _ = json.loads(content[8 : 8 + size])[tensor]["data_offsets"]
    element = int(np.argmax(np.abs(array)))
    content[8 + size + begin + 4 * element] ^= 1
    path.write_bytes(content)
    return element
