"""Independent forwards of the family `sequence_loss`: probabilities in 30 digits, without logarithms or lattices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import mpmath
from oracles import forward

from independent.loss import _summed


def _probability(frames: Sequence[Sequence[Any]], target: tuple[int, ...], blank: int) -> Any:
    """That of all paths which read as the target: frame by frame, by what they read as so far and end with."""
    paths: dict[tuple[tuple[int, ...], int], Any] = {((), blank): mpmath.mpf(1)}
    for frame in frames:
        longer: dict[tuple[tuple[int, ...], int], Any] = defaultdict(mpmath.mpf)
        for (read, last), so_far in paths.items():
            for label, p in enumerate(frame):
                reads = read if label in (blank, last) else (*read, label)
                if reads == target[: len(reads)]:
                    longer[reads, label] += so_far * p
        paths = longer
    return mpmath.fsum(p for (read, _), p in paths.items() if read == target)


@forward
def ctc_loss(x: Any, target: Any, *, input_lengths: Any, target_lengths: Any, blank: int, reduction: str) -> Any:
    losses = []
    with mpmath.workdps(30):
        for n, (frames, labels) in enumerate(zip(input_lengths, target_lengths, strict=True)):
            each = [[mpmath.exp(v) for v in row] for row in x[:frames, n].tolist()]
            each = [[p / mpmath.fsum(row) for p in row] for row in each]
            loss = -mpmath.log(_probability(each, tuple(target[n, :labels].tolist()), blank))
            losses.append(float(loss / (max(labels, 1) if reduction == "mean" else 1)))
    return _summed(losses, reduction, len(losses))
