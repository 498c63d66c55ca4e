"""Folders that appear whole or not at all, and scratch folders that a killed process leaves to the next one."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path

from gradconform.contract import ContractError

MARK = ".gradconform-scratch"
# What runs wrote before their manifests listed it.
_FIRST_VERSION = ("diff.csv", "diff.parquet", "index.html", "run.json")
_AT_FDCWD, _EXCHANGE = -100, 2
_CANNOT_MOVE = (errno.EXDEV, errno.EBUSY, errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


@contextlib.contextmanager
def scratch(beside: Path) -> Iterator[Path]:
    """A new scratch folder beside the given place.

    It is removed at the end or, after a SIGKILL, by the next `scratch` there. The lock on it ends with the process that
    holds it, however that ends. So a folder whose lock can be had is nobody's, and no clock, process number or
    host name is needed to know it. Raises OSError.
    """
    beside = beside.resolve()
    beside.parent.mkdir(parents=True, exist_ok=True)
    _remove_stale(beside)
    folder, lock = _locked_folder(beside)
    try:
        (folder / MARK).touch()
        (folder / "work").mkdir()
        yield folder / "work"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _locked_folder(beside: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f".{beside.name}-", dir=beside.parent))
        if (lock := _lock(folder)) is not None:
            return folder, lock
        # Another run took it for a dead one's between the two lines above, and removed it.


def _lock(folder: Path) -> int | None:
    """The open folder, locked; None where another process has the lock, or the folder is gone."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            return descriptor
    except BlockingIOError:
        pass
    except FileNotFoundError:
        pass
    except OSError:
        # A file system without locks: nothing can be told, so nothing is ever removed there.
        return descriptor
    os.close(descriptor)
    return None


def _remove_stale(beside: Path) -> None:
    for folder in beside.parent.glob(f".{_escaped(beside.name)}-????????"):
        if not folder.is_dir() or folder.is_symlink():
            continue
        with contextlib.suppress(OSError):
            # Without a mark it is not ours, or its owner was killed before anything was in it.
            if not (folder / MARK).is_file() and any(folder.iterdir()):
                continue
            _remove_if_dead(folder)


def _remove_if_dead(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The mark goes last: what is left of a removal that is killed is still known as ours.
        for part in folder.iterdir():
            if part.name != MARK:
                shutil.rmtree(part) if part.is_dir() and not part.is_symlink() else part.unlink()
        shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def check_replaceable(folder: Path, ours: Collection[str] = ()) -> None:
    """See that a folder holds nothing but what runs write, since all of it is replaced. Raises ContractError, OSError.

    ours: names that the new one has; what an earlier run wrote is told by its `run.json`.
    """
    if not folder.exists():
        return
    known = {*ours, *_FIRST_VERSION, *_listed(folder / "run.json")}
    others = sorted(path.name for path in folder.iterdir() if path.name not in known)
    if others:
        raise ContractError(
            f"{folder}: holds {others[0]}, which no run wrote; expected a new folder or an earlier report, since it is "
            "replaced as a whole; name another folder"
        )


def _listed(manifest: Path) -> set[str]:
    """The names that a run says it wrote."""
    with contextlib.suppress(OSError, ValueError):
        told = json.loads(manifest.read_text(encoding="utf-8"))
        if isinstance(told, dict) and isinstance(told.get("files"), dict):
            return {str(name).partition("/")[0] for name in told["files"]}
    return set()


def put(new: Path, folder: Path) -> None:
    """Put a whole folder in the place of another; whoever looks sees the old one or the new one. Raises OSError.

    Where a folder cannot be moved (it is a mount point, or the system cannot exchange two), files are moved one by
    one, `run.json` first out and last in: until then the folder is no run, so nobody takes it for one.
    """
    folder = folder.resolve()
    try:
        if not folder.exists() or not any(folder.iterdir()):
            os.rename(new, folder)
        else:
            _exchange(new, folder)
    except OSError as error:
        if error.errno not in _CANNOT_MOVE or not folder.exists():
            raise
        _move_files(new, folder)


def _exchange(one: Path, other: Path) -> None:
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError as error:
        raise OSError(errno.ENOSYS, "no renameat2") from error
    if rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))


def _move_files(new: Path, folder: Path, last: str = "run.json") -> None:
    (folder / last).unlink(missing_ok=True)
    for path in sorted(new.iterdir(), key=lambda path: path.name == last):
        target = folder / path.name
        if target.is_dir():
            shutil.rmtree(target)
        # On another file system a move is a copy, so it goes under another name first.
        part = folder / f".{path.name}.part"
        shutil.move(path, part)
        os.replace(part, target)


def check_new(option: str, folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise ContractError(f"{option} {folder}: is not empty; expected a new folder, so that nothing is overwritten")


def check_writable(out: Path) -> None:
    """Find out, before hours of work, whether a report can be written to a folder. Raises OSError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=out if out.exists() else out.parent):
        pass
