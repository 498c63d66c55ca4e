"""The machine that captures were made on: rounding differs between processors, and a worker knows only its platform."""

from __future__ import annotations

import json
import platform
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from gradconform.contract import FORMAT, ContractError, read_document, write_whole

FILE = "machine.json"


def write_machine(folder: Path, cpus: Collection[str] = ()) -> None:
    """Write `machine.json` into a folder of captures. cpus: the processors they were made on; by default this one."""
    folder.mkdir(parents=True, exist_ok=True)
    cpu = " and ".join(sorted(cpus)) or this_cpu()
    write_whole(folder / FILE, json.dumps({"format": FORMAT, "cpu": cpu}))


def cpu_of(folder: Path) -> str:
    """The processor that the captures of a folder were made on; empty where the folder does not say."""
    with suppress(ContractError):
        return str(read_document(folder / FILE).get("cpu") or "")
    return ""


def this_cpu() -> str:
    """The name of this machine's processor; of its architecture where the system does not say."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
