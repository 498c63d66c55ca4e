"""The machine that captures were made on: rounding differs between processors, and a worker knows only its platform."""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from pathlib import Path

from gradconform.contract import FORMAT, ContractError, read_document, write_whole

FILE = "machine.json"


def write_machine(folder: Path) -> None:
    """Write `machine.json`, which names this processor, into a folder of captures that are made here."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / FILE, json.dumps({"format": FORMAT, "cpu": _cpu()}))


def cpu_of(folder: Path) -> str:
    """The processor that the captures of a folder were made on; empty where the folder does not say."""
    with suppress(ContractError):
        return str(read_document(folder / FILE).get("cpu") or "")
    return ""


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
