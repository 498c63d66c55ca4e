"""Terminals: tables that are never cut, and progress."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gradconform.capture.together import Progress as Told


def wide_console(width: int = 250) -> Console:
    """A console as wide as the terminal; in a file or a pipe so wide that no table is cut."""
    console = Console(highlight=False)
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=width)


@contextmanager
def progress_bars() -> Iterator[Told]:
    """A function to tell the progress to: bars on a terminal, elsewhere a line for each stage that is done."""
    lock = threading.Lock()
    bars: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def told(stage: str, done: int, total: int) -> None:
            with lock:
                if not console.is_terminal:
                    if done == total:
                        console.print(f"{stage}: {done} done", markup=False)
                    return
                if stage not in bars:
                    bars[stage] = progress.add_task(stage, total=total)
                progress.update(bars[stage], completed=done)

        yield told
