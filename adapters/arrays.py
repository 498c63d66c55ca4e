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
from typing import IO, Any, Iterable, Iterator, Mapping, Sequence

import numpy as np

# What safetensors can hold, by NumPy's name. The 8-bit floats are not NumPy's, and nor is bfloat16: where that is the
# dtype of a problem, arrays of uint16 hold the bits of bfloat16 numbers.
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
LAYOUTS = ("channels_last", "expanded", "strided", "transposed")
EXPANDED = "expanded"
# Elements that are compared at a time.
PIECE = 1 << 18
# So many bytes are digested sooner than a thread has begun.
FEW_BYTES = 1 << 20
BFLOAT16 = "bfloat16"
NUMPY_DTYPES = {"BF16": "uint16", **{stored: dtype for dtype, stored in SAFETENSORS_DTYPES.items()}}
# A NaN of bfloat16.
NAN_BITS = 0x7FC0


def widened(bits: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The numbers whose bits in bfloat16 are given, in float32, of which they are the upper half."""
    return (np.asarray(bits).astype(np.uint32) << 16).view(np.float32)


def read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Map a safetensors file into memory: arrays by name, writable, copied page by page when written to.

    safetensors' own reader copies everything: 0.3 s and twice the memory for the 550 MB of VGG16. The format
    is a little-endian 64-bit length, that many bytes of JSON, and the arrays.
    """
    with open(str(path), "rb") as stream:
        content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
    arrays = {}
    for name, (dtype, shape, count, start) in _places(content).items():
        flat = np.frombuffer(content, dtype, count, start)
        arrays[name] = (flat if flat.flags.aligned else flat.copy()).reshape(shape)
    return arrays


def laid_out(array: np.ndarray[Any, Any], layout: str) -> np.ndarray[Any, Any]:
    """The same numbers in memory of another layout.

    layout: `transposed`, the first axis being the one whose neighbours lie side by side; `channels_last`, axis 1 of
    three or more being that; `strided`, every second element along each axis of a larger array whose others are NaN,
    so that whoever reads past the strides is seen to; `expanded`, one slice with a stride of 0 along the first axis of
    two elements or more, all of which hold the numbers of the first. Raises ValueError for another word.
    """
    if layout in LAYOUTS and array.ndim == 0:
        return array
    if layout == "transposed":
        return np.array(array, order="F")
    if layout == "channels_last":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, 1, -1)), -1, 1) if array.ndim > 2 else array
    if layout == "strided":
        # Of a problem's arrays those of uint16 are bfloat16.
        blank = np.nan if array.dtype.kind == "f" else NAN_BITS if array.dtype.name == "uint16" else 0
        larger = np.full([2 * extent for extent in array.shape], blank, array.dtype)
        place = larger[tuple(slice(None, None, 2) for _ in array.shape)]
        place[...] = array
        return place
    if layout == EXPANDED:
        axis = next((axis for axis, extent in enumerate(array.shape) if extent > 1), None)
        one = array.copy() if axis is None else np.take(array, [0], axis)
        strides = [0 if i == axis else stride for i, stride in enumerate(one.strides)]
        return np.lib.stride_tricks.as_strided(one, array.shape, strides)
    raise ValueError("layout %r; expected one of %s" % (layout, ", ".join(LAYOUTS)))


def differences_from(path: Path, held: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """How arrays differ from those of the same name in a safetensors file, to the bit; those that do not are left off.

    The file is read piece by piece: mapped once more, it would count as this process's memory twice.
    """
    found = {}
    with open(str(path), "rb") as stream:
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            places = _places(content)
        for name, array in held.items():
            dtype, shape, count, start = places[name]
            now, wrong, first = np.asarray(array), 0, None
            if now.dtype != dtype or list(now.shape) != list(shape):
                found[name] = unlike("%s%s" % (dtype, list(shape)), "%s%s" % (now.dtype, list(now.shape)))
                continue
            flat = now.reshape(-1)
            stream.seek(start)
            for begin in range(0, count, PIECE):
                was = np.frombuffer(stream.read(min(PIECE, count - begin) * dtype.itemsize), dtype)
                places_of = _other_bits(was, flat[begin : begin + PIECE])
                if len(places_of) and first is None:
                    first = (begin + int(places_of[0]), was[places_of[0]])
                wrong += len(places_of)
            if first is not None:
                found[name] = _difference(now.shape, wrong, first[0], first[1], flat[first[0]])
    return found


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """How arrays differ from earlier ones of the same name, to the bit; those that do not are left off."""
    found = {}
    for name, was in before.items():
        was, other = np.asarray(was), np.asarray(now[name])
        if was.dtype != other.dtype or was.shape != other.shape:
            found[name] = unlike("%s%s" % (was.dtype, list(was.shape)), "%s%s" % (other.dtype, list(other.shape)))
            continue
        was, flat = was.reshape(-1), other.reshape(-1)
        wrong = _other_bits(was, flat)
        if len(wrong):
            found[name] = _difference(other.shape, len(wrong), int(wrong[0]), was[wrong[0]], flat[wrong[0]])
    return found


def unlike(was: str, now: str) -> dict[str, Any]:
    """A difference that is not one of elements, in words."""
    return {"n": 0, "index": [], "was": was, "now": now}


def _difference(shape: Sequence[int], wrong: int, at: int, was: Any, now: Any) -> dict[str, Any]:
    """How many elements differ, and the first of them; figures as texts, which may be `nan`."""
    index = [int(i) for i in np.unravel_index(at, shape)]
    was, now = (float(widened(n)) if n.dtype.name == "uint16" else float(n) for n in (was, now))
    return {"n": wrong, "index": index, "was": repr(was), "now": repr(now)}


def _other_bits(left: Any, right: Any) -> Any:
    """Where two flat arrays of one dtype differ in any bit: indices."""
    as_bits = "u%d" % left.dtype.itemsize
    left, right = np.ascontiguousarray(left).view(as_bits), np.ascontiguousarray(right).view(as_bits)
    return np.flatnonzero(left != right)


def _places(content: Any) -> dict[str, tuple[Any, Sequence[int], int, int]]:
    """Where the arrays of a safetensors file are: name -> dtype, shape, number of elements and first byte."""
    start = 8 + int.from_bytes(content[:8], "little")
    places = {}
    for name, entry in json.loads(content[8:start].decode("utf-8")).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            dtype = np.dtype(NUMPY_DTYPES[entry["dtype"]]).newbyteorder("<")
            places[name] = (dtype, entry["shape"], (end - begin) // dtype.itemsize, start + begin)
    return places


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


def write_arrays(path: Path, values: Mapping[str, Any], dtype: str = "") -> str:
    """Write arrays as a safetensors file and return its digest.

    dtype: of the problem that they are of; where it is bfloat16, those of uint16 hold bits of such numbers.

    By hand, because safetensors' own writer first copies every array, and its file would have to be read
    again for the digest. Here, unless they are few, a thread takes the digest of what the main thread is writing.
    """
    # asarray and not ascontiguousarray, which would turn shape [] into [1].
    arrays = {name: np.asarray(value, order="C") for name, value in values.items()}
    arrays = {name: array.astype(array.dtype.newbyteorder("<"), copy=False) for name, array in arrays.items()}
    # Widest items first keeps every array aligned, as the format's own writer does.
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    stored = {**SAFETENSORS_DTYPES, "uint16": "BF16"} if dtype == BFLOAT16 else SAFETENSORS_DTYPES
    header: dict[str, Any] = {}
    end = 0
    for name in names:
        array, start = arrays[name], end
        end = start + array.nbytes
        header[name] = {
            "dtype": stored[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    chunks: list[Any] = [len(text).to_bytes(8, "little"), text] + [arrays[n].reshape(-1).view(np.uint8) for n in names]
    if end <= FEW_BYTES:
        whole = b"".join(chunks)
        digest.update(whole)
        with whole_file(path) as stream:
            stream.write(whole)
        return "sha256:" + digest.hexdigest()
    with whole_file(path) as stream, ThreadPoolExecutor(1) as hasher:
        # One task for all: a task for each of thousands of small arrays takes longer than the digest.
        digested = hasher.submit(_digest_all, digest, chunks)
        stream.writelines(chunks)
        digested.result()
    return "sha256:" + digest.hexdigest()


def _digest_all(digest: Any, chunks: Iterable[Any]) -> None:
    """Feed a digest of hashlib with every chunk."""
    for chunk in chunks:
        digest.update(chunk)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all."""
    with whole_file(path) as stream:
        stream.write((json.dumps(content, indent=1) + "\n").encode("utf-8"))
