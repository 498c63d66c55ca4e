"""The sample in the repository: small, real, and the page that this version makes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gradconform.capture import adapters
from gradconform.report.files import read_run
from gradconform.report.page import page_scripts
from gradconform.report.summary import Summary

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "reports" / "sample"


def test_the_sample_holds_a_real_divergence_and_what_shows_it() -> None:
    """Chainer's pooling is named, by a run that any reader can repeat, and a script comes with it."""
    rows, run = read_run(SAMPLE / "run")
    faults = Summary.of(rows, run).faults
    assert {fault.framework for fault in faults} == {"chainer"}
    assert "pooled" in {node for fault in faults for node in fault.nodes}
    assert {row.framework for row in rows} == set(adapters.names())
    evidence = json.loads((SAMPLE / "run" / "evidence.json").read_text(encoding="utf-8"))
    assert all("average_pooling_nd" in each["script"] for each in evidence)
    assert evidence


def test_the_sample_is_small_and_the_readme_shows_it() -> None:
    """Under a megabyte in all, with pictures for desktop and phone, light and dark."""
    files = [path for path in SAMPLE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_000_000
    pictures = {path.name for path in files if path.suffix == ".png"}
    assert pictures >= {f"{size}-{scheme}.png" for size in ("desktop", "phone") for scheme in ("light", "dark")}
    shown = re.findall(r"\]\(reports/sample/([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown
    assert set(shown) <= pictures


def test_the_sample_says_nothing_of_the_machine_it_is_from() -> None:
    """No absolute path is in any of its texts, the packed data of the page aside."""
    for path in (SAMPLE / "run").glob("*"):
        if path.suffix in {".csv", ".html", ".json", ".md", ".xml"}:
            text = re.sub(r'id="data">[^<]*<', "", path.read_text(encoding="utf-8"))
            for script in page_scripts():
                text = text.replace(script, "")
            assert not re.search(r"(?<![\w.<])/(?:home|root|work|opt|tmp|usr)/", text), path.name
