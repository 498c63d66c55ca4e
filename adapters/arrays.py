"""Arrays and JSON on disk, for the worker: safetensors files are read and written here without copies.

The package of that name cannot do so: its reader copies everything, its writer first copies every array. Valid Python
3.8.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import mmap
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Iterator, Mapping

import numpy as np

# What safetensors can hold, by NumPy's name. bfloat16 and the 8-bit floats are not NumPy's.
SAFETENSORS_DTYPES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint64": "U64",
    "uint32": "U32",
    "uint16": "U16",
    "uint8": "U8",
    "bool": "BOOL",
}
NUMPY_DTYPES = {stored: dtype for dtype, stored in SAFETENSORS_DTYPES.items()}


def read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Map a safetensors file into memory: arrays by name, writable, copied page by page when written to.

    safetensors' own reader copies everything: 0.3 s and twice the memory for the 550 MB of VGG16. The format
    is a little-endian 64-bit length, that many bytes of JSON, and the arrays.
    """
    with open(str(path), "rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
    start = 8 + int.from_bytes(content[:8], "little")
    arrays = {}
    for name, entry in json.loads(content[8:start].decode("utf-8")).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            dtype = np.dtype(NUMPY_DTYPES[entry["dtype"]]).newbyteorder("<")
            flat = np.frombuffer(content, dtype, (end - begin) // dtype.itemsize, start + begin)
            arrays[name] = (flat if flat.flags.aligned else flat.copy()).reshape(entry["shape"])
    return arrays


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file under another name and rename it when it is whole."""
    part = path.with_name(path.name + ".part")
    try:
        with open(str(part), "wb") as stream:
            yield stream
        os.replace(str(part), str(path))
    except BaseException:
        # On a full disk this is what makes room for the capture.json that tells of it.
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def write_arrays(path: Path, values: Mapping[str, Any]) -> str:
    """Write arrays as a safetensors file and return its digest.

    By hand, because safetensors' own writer first copies every array, and its file would have to be read
    again for the digest. Here a thread takes the digest of what the main thread is writing.
    """
    # asarray and not ascontiguousarray, which would turn shape [] into [1].
    arrays = {name: np.asarray(value, order="C") for name, value in values.items()}
    arrays = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in arrays.items()}
    # Widest items first keeps every array aligned, as the format's own writer does.
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    header: dict[str, Any] = {}
    end = 0
    for name in names:
        array, start = arrays[name], end
        end = start + array.nbytes
        header[name] = {
            "dtype": SAFETENSORS_DTYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    chunks: list[Any] = [len(text).to_bytes(8, "little"), text] + [arrays[n].reshape(-1).view(np.uint8) for n in names]
    with whole_file(path) as stream, ThreadPoolExecutor(1) as hasher:
        digested = hasher.map(digest.update, chunks)
        stream.writelines(chunks)
        list(digested)
    return "sha256:" + digest.hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    with whole_file(path) as stream:
        stream.write((json.dumps(content, indent=1) + "\n").encode("utf-8"))
