"""The folder that all machines must see: problems, captures and rows travel through it, and nothing else does."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gradconform.cluster.errors import ClusterError
from gradconform.contract import digest
from gradconform.version import __version__

MARK = "cluster.mark"
"""A file of a run that is under way: with it the folder is known on other machines, without it the run is over."""


@dataclass(frozen=True)
class Place:
    """A folder, known by a file in it, and the version of whoever asks for work there.

    folder: absolute. mark: a file in it. digest: of that file, so that another folder of the same path is noticed.
    """

    folder: Path
    mark: Path
    digest: str
    version: str = __version__

    def check(self, where: str) -> None:
        """See that this machine has the same folder and the same gradconform. Raises ClusterError.

        where: what this machine is called in the message.
        """
        if self.version != __version__:
            raise ClusterError(
                f"{where}: has gradconform {__version__}; expected {self.version}, as on the machine that asks; "
                f"install gradconform=={self.version} there"
            )
        try:
            same = digest(self.mark) == self.digest
        except OSError:
            same = False
        if not same:
            raise ClusterError(
                f"{where}: does not see {self.folder}; expected the same folder on every machine; name one on a file "
                "system that they share"
            )


@contextmanager
def marked(folder: Path) -> Iterator[Place]:
    """A folder that a run writes to, known by a mark until the run is over. Raises OSError."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / MARK
    mark.write_text(secrets.token_hex(16), encoding="utf-8")
    try:
        yield Place(folder, mark, digest(mark))
    finally:
        mark.unlink(missing_ok=True)


def found(folder: Path) -> Place:
    """A folder that is only read, known by the first problem in it. Raises OSError."""
    folder = folder.resolve()
    mark = min(folder.glob("problems/*/problem.json"), default=folder / "problems")
    return Place(folder, mark, digest(mark) if mark.is_file() else "")
