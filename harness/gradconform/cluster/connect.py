"""A connection to a Dask cluster: who works there, and what each of them offers."""

from __future__ import annotations

import importlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from gradconform.cluster.errors import ClusterError
from gradconform.cluster.place import Place
from gradconform.run.processes import cores
from gradconform.version import __version__
from gradconform.words import counted, listed

LOCAL = "local"
POLL = 0.1
# Ctrl-C reaches every process of a terminal; it is the parent that answers it.
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
# Of a cluster of this machine alone; what others do is said by the settings of their scheduler.
LOCAL_SETTINGS = {
    # How often a task may lose its worker before we are told; we do it again ourselves, with less beside it.
    "distributed.scheduler.allowed-failures": 0,
    # A worker that is killed is started again, and never given up for taking its time.
    "distributed.deploy.lost-worker-timeout": "1000 days",
}


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers. client: Dask's; name: what the user typed; wait: seconds to wait for workers."""

    client: Any
    name: str
    wait: float

    def gone(self) -> ClusterError:
        """What to raise when the scheduler does not answer any more."""
        return ClusterError(
            f"--cluster {self.name}: the scheduler is gone; expected it to stay until the end; start it and run again"
        )

    def workers(self) -> Mapping[str, Mapping[str, float]]:
        """Address of each worker -> the resources that it offers. Raises ClusterError."""
        try:
            offers: dict[str, dict[str, float]] = self.client.run_on_scheduler(_offers())
        except OSError as error:
            raise self.gone() from error
        return offers

    def width(self) -> int:
        """Tasks that keep every worker busy while results are on their way."""
        return 4 * max(1, len(self.workers()))

    def missing(self, names: Collection[str]) -> list[str]:
        """Those of the resources that nobody offers at this moment."""
        offered = {name for offers in self.workers().values() for name in offers}
        return [name for name in names if name not in offered]

    def await_workers(self, names: Collection[str] = ()) -> list[str]:
        """Wait until each resource is offered by somebody, or the time is over; those that are not offered then.

        Raises ClusterError where there is no worker at all.
        """
        until = time.monotonic() + self.wait
        while True:
            workers, missing = self.workers(), self.missing(names)
            if workers and not missing:
                return []
            if time.monotonic() > until:
                break
            time.sleep(POLL)
        if not workers:
            raise ClusterError(
                f"--cluster {self.name}: no worker came within {self.wait:g} s; start one with "
                f"`dask worker {self.name}`, or give it longer with --cluster-wait SECONDS"
            )
        return missing

    def trouble(self, names: Collection[str]) -> str:
        """Why tasks that need these resources do not begin at this moment; empty where they may."""
        workers, missing = self.workers(), self.missing(names)
        if not workers:
            return f"--cluster {self.name}: no worker was there for {self.wait:g} s; look why they ended, start one"
        return self.not_offered(missing[0]) if missing else ""

    def not_offered(self, name: str) -> str:
        """Why a framework does not run, for the user: no worker offers its name."""
        return (
            f"--cluster {self.name}: no worker offers {name} after {self.wait:g} s; offered: {self._offered()}; start "
            f'one where {name} is, with `dask worker {self.name} --resources "{name}=1"`, or name others by --adapter'
        )

    def _offered(self) -> str:
        told = Counter(name for offers in self.workers().values() for name in offers or ["nothing"])
        return listed(f"{name} ({counted(count, 'worker')})" for name, count in sorted(told.items())) or "nothing"

    def check(self, places: Sequence[Place]) -> None:
        """See that every worker has this version of gradconform and sees these folders. Raises ClusterError."""
        for address, version in self.client.run(_version()).items():
            if version != __version__:
                raise ClusterError(
                    f"--cluster {self.name}: the worker {address} has {version}; expected gradconform {__version__}, "
                    f"as here; install gradconform[cluster]=={__version__} in its Python"
                )
        for place in places:
            for found in self.client.run(_seen, place).values():
                if found:
                    raise ClusterError(f"--cluster {self.name}: {found}")


def _offers() -> Callable[..., dict[str, dict[str, float]]]:
    # A function within a function travels whole, so that the scheduler needs no gradconform.
    def offers(dask_scheduler: Any) -> dict[str, dict[str, float]]:
        return {worker.address: dict(worker.resources) for worker in dask_scheduler.workers.values()}

    return offers


def _version() -> Callable[[], str]:
    def version() -> str:
        try:
            from gradconform.version import __version__ as there  # noqa: PLC0415 - of the worker's own Python
        except ImportError:
            return "no gradconform"
        return there

    return version


def _seen(place: Place, dask_worker: Any = None) -> str:
    try:
        place.check(f"the worker {dask_worker.address}")
    except ClusterError as error:
        return str(error)
    return ""


@contextmanager
def connected(name: str, wait: float, offers: Collection[str] = ()) -> Iterator[Cluster]:
    """The cluster of an address, or with `local` one of this machine that is ended afterwards.

    wait: seconds for the scheduler to answer and for workers to come. offers: what the workers of `local` offer.
    Raises ClusterError.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise ClusterError(
            f"--cluster {name}: needs dask distributed, which is not installed ({error}); install gradconform[cluster]"
        ) from error
    if name == LOCAL:
        with _here(distributed, offers) as here, distributed.Client(here) as client:
            yield Cluster(client, name, wait)
        return
    try:
        client = distributed.Client(name, timeout=f"{wait:g}s", set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"--cluster {name}: no scheduler answers there within {wait:g} s; expected an address as "
            "tcp://HOST:8786, or `local`; start one with `dask scheduler`"
        ) from error
    with client:
        yield Cluster(client, name, wait)


@contextmanager
def _here(distributed: Any, offers: Collection[str]) -> Iterator[Any]:
    """A process for each core, each offering every framework; nothing of it is reached from other machines."""
    config = importlib.import_module("dask").config
    options = {"threads_per_worker": 2, "resources": dict.fromkeys(offers, 1), "memory_limit": None}
    options["preload"] = [DEAF]
    # Any free port: that of the dashboard is taken where another cluster runs.
    quiet = {"scheduler_kwargs": NO_DASHBOARD, "dashboard_address": None, "silence_logs": logging.CRITICAL}
    with config.set(LOCAL_SETTINGS), distributed.LocalCluster(cores(), host="127.0.0.1", **options, **quiet) as here:
        yield here
