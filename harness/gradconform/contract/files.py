"""Documents and tensors on disk: read with care, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from gradconform.dtypes import BFLOAT16
from gradconform.errors import GradconformError

Array = NDArray[Any]
FORMAT = 1
SMALL = 1 << 20
"""Bytes of a file of tensors up to which it is read at once."""
# The format's word -> NumPy's, in the format's order of bytes; bfloat16 is read by its bits.
_NUMPY_HAS = {
    "BF16": "<u2",
    "BOOL": "?",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
}
_NUMPY_HAS |= {"I64": "<i8", "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8"}


class ContractError(GradconformError, ValueError):
    """A problem or a capture on disk cannot be used; the message says which file, what came and what was expected."""


class Tensors(Mapping[str, Array]):
    """The tensors of a safetensors file, each read when it is asked for.

    The package checks the file, once; a tensor is then read from its place, without another look at the header, which
    grows with the network. Nothing stays mapped: pages once touched would count as this process's memory. Of a small
    file the content is kept, since to open it once more for each tensor costs more than to judge it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with safe_open(str(path), framework="numpy"), path.open("rb") as file:
                self._begin = 8 + int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(self._begin - 8))
                self._content = file.read() if path.stat().st_size <= SMALL else None
        except (OSError, SafetensorError) as error:
            raise ContractError(f"{path}: {error}; expected a safetensors file") from error
        self.metadata: Mapping[str, str] = header.pop("__metadata__", None) or {}
        self._forms = {name: (str(entry["dtype"]), tuple(entry["shape"])) for name, entry in header.items()}
        self._places = {name: int(entry["data_offsets"][0]) for name, entry in header.items()}

    def __getitem__(self, name: str) -> Array:
        # NumPy has no floats of 8 bits.
        stored, shape = self._forms[name]
        if stored not in _NUMPY_HAS:
            raise ContractError(f"{self.path}: {name} cannot be read ({stored} is no dtype of NumPy's)")
        try:
            # A file that was cut off since gives fewer numbers, which have not that shape.
            if self._content is not None:
                count, start = math.prod(shape), self._places[name]
                array = np.frombuffer(self._content, _NUMPY_HAS[stored], count, start).reshape(shape).copy()
            else:
                start = self._begin + self._places[name]
                array = np.fromfile(self.path, _NUMPY_HAS[stored], math.prod(shape), offset=start).reshape(shape)
        except (OSError, ValueError) as error:
            raise ContractError(f"{self.path}: {name} cannot be read ({error})") from error
        return array.view(BFLOAT16.numpy) if stored == BFLOAT16.stored else array

    def __contains__(self, name: object) -> bool:
        return name in self._forms

    def form(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Dtype and shape of a tensor, from the header alone, the dtype in the format's own words. Raises KeyError."""
        return self._forms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._forms))

    def __len__(self) -> int:
        return len(self._forms)


def explained(error: ValidationError) -> str:
    """What pydantic found wrong with a document: where the first mistake is, and what it is."""
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def digest(path: Path) -> str:
    """The SHA-256 of a file, as `sha256:` and hexadecimal digits."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def sound_digest(path: Path) -> str:
    """The SHA-256 of a file that must be there. Raises ContractError where it cannot be read."""
    try:
        return digest(path)
    except OSError as error:
        raise ContractError(f"{path}: cannot be read ({error.strerror or error})") from error


def write_whole(path: Path, data: str | bytes) -> None:
    """Write a file under another name, and rename it when it is whole."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data.encode() if isinstance(data, str) else data)
    os.replace(partial, path)


def read_document(path: Path) -> dict[str, Any]:
    """The content of a JSON document of this version of the contract. Raises ContractError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ContractError(f"{path}: no such file; expected a whole problem or capture folder") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{path}: cannot be read as JSON ({error})") from error
    found = document.get("format") if isinstance(document, dict) else None
    if found != FORMAT or isinstance(found, bool):
        raise ContractError(f"{path}: format is {found!r}; expected {FORMAT}, of this version of the contract")
    assert isinstance(document, dict)
    return document
