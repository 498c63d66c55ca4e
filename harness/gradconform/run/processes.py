"""The processes of our own that draw and judge: how many, and how each gets its memory."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

T = TypeVar("T")

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4

FEW, SMALL = 32, 100_000
"""So few problems with so few numbers in all are drawn and judged before a process of a pool has begun."""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Pool(ProcessPoolExecutor):
    """A pool whose processes ignore Ctrl-C, which reaches every process of a terminal: the parent alone answers it."""

    def submit(self, function: Callable[..., T], /, *args: Any, **options: Any) -> Future[T]:
        """Hand a function to a process of the pool.

        A process that is started for it inherits that the signal is blocked, and so ignores it from its first moment.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(function, *args, **options)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes that share the cores among themselves.

    They are spawned, so that they hold no memory of the parent; all are gone at the end.
    """
    share = max(1, cores() // workers)
    others = set(multiprocessing.active_children())
    executor = _Pool(workers, multiprocessing.get_context("spawn"), initializer=_set_up, initargs=(share,))
    try:
        yield executor
    except BaseException:
        # Nobody waits for their results any more, and some take minutes.
        for process in set(multiprocessing.active_children()) - others:
            process.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def crew(numbers: Sequence[int]) -> Iterator[Executor]:
    """Who draws and judges: a pool of as many processes as there are cores, or a thread where that is sooner done.

    numbers: how many numbers each problem has. The rows are the same.
    """
    if len(numbers) > FEW or sum(numbers) > SMALL:
        with pool(cores()) as processes:
            yield processes
        return
    thread = ThreadPoolExecutor(1)
    try:
        # As in a process of the pool, so that figures repeat.
        with threadpool_limits(1):
            yield thread
    finally:
        thread.shutdown(cancel_futures=True)


def _set_up(threads: int) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threadpool_limits(threads)
    keep_freed_memory()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def keep_freed_memory() -> bool:
    """Tell glibc to hand freed arrays out again rather than back to the kernel. Returns whether that was possible.

    The judge makes and drops arrays of many megabytes. Mapped afresh, each page of them costs a fault, which took half
    of the time on VGG16.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, -1))
