"""Measure the harness: `make bench`, or `.tox/harness/bin/python benchmarks/run.py [SECTION ...]`.

Prints every section as it is done and writes all of them to benchmarks/results.md.
Nothing here passes or fails.
"""

import argparse
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import capture
import judging
import nodes
import numeric
import ratios
import routes
from gradconform.capture.adapters import AdapterError
from gradconform.capture.worker import environment
from gradconform.contract import ContractError
from gradconform.spec import SpecError
from measure import ROOT, THREADS, BenchmarkError, Place, machine, process

HEAD = """\
# Measured

Made by `{command}`;
not written by hand. A figure is the median over the repeats, with the smallest and the largest in brackets
where there are several; every ratio is of two measurements of this run. Numbers are drawn from fixed seeds.

{machine}
"""


def sensitivity(place: Place) -> str:
    """Markdown: what benchmarks/sensitivity.py says of itself, and its table."""
    path = ROOT / "benchmarks" / "sensitivity.py"
    command = [sys.executable, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(THREADS), check=False)
    if done.returncode != 0:
        last = done.stderr.strip()[-500:]
        raise BenchmarkError(f"benchmarks/sensitivity.py: exit status {done.returncode}: {last}")
    about = path.read_text(encoding="utf-8").split('"""')[1].strip()
    return f"{about}\n\n{done.stdout}"


def history(place: Place) -> str:
    """Markdown: what benchmarks/history.py says of itself, and its answers, from a real run's rows."""
    path, out = ROOT / "benchmarks" / "history.py", place.root / "history-seed"
    specs = [ROOT / "specs" / "networks" / f"{name}.yaml" for name in ("cnn", "lenet", "lstm", "transformer")]
    command = [sys.executable, "-m", "gradconform", "run", *map(str, specs), "--out", str(out)]
    process(command, said_in=out / "run.json", accepted=(0, 1, 3))
    command = [sys.executable, str(path), str(out), "--times", str(place.repeat)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(THREADS), check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"benchmarks/history.py: exit status {done.returncode}: {done.stderr.strip()[-500:]}")
    about = path.read_text(encoding="utf-8").split('"""')[1].strip()
    targets = "Targets: the trend of one row under 2 s, the comparison under 10 s, start of the command included."
    return "\n".join([about, "", targets, "", *(f"- {line}" for line in done.stdout.splitlines()), ""])


SECTIONS: dict[str, tuple[str, Callable[[Place], str]]] = {
    "ratios": ("The largest honest ratios", ratios.section),
    "capture": ("Capturing VGG16", capture.section),
    "judging": ("Judging", judging.section),
    "gradcheck": ("Judging beside gradcheck", judging.gradcheck),
    "routes": ("Other ways to a gradient", routes.section),
    "sensitivity": ("What is caught", sensitivity),
    "history": ("A year of nights", history),
    "numeric": ("Numerical derivatives", numeric.section),
    "nodes": ("Many nodes", nodes.section),
}


def main() -> int:
    """Parse, measure, print, write."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=(__doc__ or "").splitlines()[0])
    add, known = parser.add_argument, ", ".join(SECTIONS)
    add("sections", nargs="*", metavar="SECTION", help=f"{known}; all by default")
    add("--repeat", type=int, default=3, metavar="N", help="of each timed process; 3 by default")
    add(
        "--out",
        type=Path,
        default=ROOT / "benchmarks" / "results.md",
        metavar="FILE",
        help="replaced by what was measured; benchmarks/results.md by default",
    )
    given = parser.parse_args()
    for name in given.sections:
        if name not in SECTIONS:
            parser.error(f"no section {name!r}; expected any of {known}")
    if given.repeat < 1:
        parser.error(f"--repeat {given.repeat}: expected 1 or more")
    try:
        written = measured(given.sections or list(SECTIONS), given.repeat)
    except (BenchmarkError, AdapterError, ContractError, SpecError, OSError) as error:
        print(f"benchmarks/run.py: {error}", file=sys.stderr)
        return 2
    given.out.write_text(written, encoding="utf-8")
    print(f"written: {given.out}", file=sys.stderr)
    return 0


def measured(sections: list[str], repeat: int) -> str:
    """The whole of results.md, printed section by section. Raises what the sections raise."""
    # Without --out, which may name a folder of this machine.
    command = shlex.join([".tox/harness/bin/python", "benchmarks/run.py", *sections, "--repeat", str(repeat)])
    parts = [HEAD.format(command=command, repeat=repeat, machine=machine())]
    print(parts[0], flush=True)
    with tempfile.TemporaryDirectory(prefix="gradconform-bench-") as root:
        place = Place(Path(root), repeat)
        for name in sections:
            title, section = SECTIONS[name]
            start = time.perf_counter()
            text = section(place)
            took = f"`benchmarks/run.py {name}`, {time.perf_counter() - start:.0f} s"
            parts.append(f"## {title}\n\n{text}\n{took}\n")
            print(parts[-1], flush=True)
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
