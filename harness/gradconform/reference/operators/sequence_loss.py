"""Losses of sequences against shorter ones, of which nobody said where in the long one each label belongs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gradconform.reference.attributes import NonNegative, Reduction, Sizes
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.normalization import log_softmax, log_softmax_vjp
from gradconform.reference.tracked.arrays import real_numbers
from gradconform.reference.tracked.computed import computed
from gradconform.reference.tracked.sums import scatter_sum

Array = NDArray[Any]
Lengths = Annotated[list[NonNegative], Field(min_length=1, description="a list of ints")]


@dataclass(frozen=True)
class _Paths:
    """Labels with a blank before, between and behind them: the states that a path goes through, [N, L] or [N].

    labels: of each state. skips: whether a path may come to it from the state before the last one, since there is a
    blank between two different labels. ends: the states in which a path may end. frames: how many frames it has.
    """

    labels: Array
    skips: Array
    ends: Array
    frames: Array

    @classmethod
    def of(cls, target: Array, blank: int, input_lengths: Sequence[int], target_lengths: Sequence[int]) -> _Paths:
        samples, longest = target.shape
        labels = np.full((samples, 2 * longest + 1), blank)
        labels[:, 1::2] = target
        skips = np.zeros(labels.shape, dtype=bool)
        skips[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
        last = 2 * np.asarray(target_lengths)[:, None]
        state = np.arange(labels.shape[1])
        return cls(labels, skips, (state == last) | (state == last - 1), np.asarray(input_lengths))


@dataclass(frozen=True)
class _Logs:
    """Logarithms of probabilities [N, L], `log` where `alive`; elsewhere the probability is zero."""

    log: Any
    alive: Array

    def moved(self, states: int) -> _Logs:
        """Those of the states so many before, or behind."""
        width = ((0, 0), (max(states, 0), max(-states, 0)))
        kept = slice(None, self.alive.shape[1]) if states > 0 else slice(-states, None)
        return _Logs(np.pad(self.log, width)[:, kept], np.pad(self.alive, width)[:, kept])

    def where(self, condition: Array) -> _Logs:
        """These, and zero probabilities where the condition does not hold."""
        return _Logs(self.log, self.alive & condition)

    def plus(self, log: Any) -> _Logs:
        """The probabilities times others that are not zero."""
        return _Logs(self.log + log, self.alive)


def _sum(*logs: _Logs) -> _Logs:
    """The logarithm of the sum of the probabilities: m + log(sum of exp(a - m)), m being the largest of them.

    Any m gives the same sum, so it has neither an error nor a derivative of its own.
    """
    alive = np.any([each.alive for each in logs], axis=0)
    largest = np.max([np.where(each.alive, real_numbers(each.log), -np.inf) for each in logs], axis=0)
    m = np.where(alive, largest, 0.0).astype(largest.dtype)
    terms = [np.where(each.alive, np.exp(np.where(each.alive, each.log - m, 0.0)), 0.0)[None] for each in logs]
    total = np.sum(np.concatenate(terms, axis=0), axis=0)
    return _Logs(np.where(alive, np.log(np.where(alive, total, 1.0)) + m, 0.0), alive)


def _forward(logs: Any, paths: _Paths) -> list[_Logs]:
    """For each frame the probability of all beginnings of paths that end in a state there; logs [T, N, L]."""
    states = np.arange(paths.labels.shape[1])
    found = [_Logs(logs[0], np.broadcast_to(states < 2, paths.labels.shape))]
    for log in logs[1:]:
        last = found[-1]
        found.append(_sum(last, last.moved(1), last.moved(2).where(paths.skips)).plus(log))
    return found


def _backward(logs: Any, paths: _Paths) -> list[_Logs]:
    """For each frame the probability of all ends of paths that begin in a state there; logs [T, N, L].

    Zero behind the last frame of a sample.
    """
    found: list[_Logs] = []
    for t in reversed(range(logs.shape[0])):
        begins = (paths.frames == t + 1)[:, None] & paths.ends
        if not found:
            found.append(_Logs(logs[t], begins))
            continue
        following = found[-1]
        skipped = _Logs(following.log, following.alive & paths.skips)
        after = _sum(following, following.moved(-1), skipped.moved(-2))
        found.append(_Logs(np.where(begins, 0.0, after.log), after.alive | begins).plus(logs[t]))
    return found[::-1]


def _likelihood(forward: Sequence[_Logs], paths: _Paths) -> _Logs:
    """The probability of all whole paths, [N]."""
    parts = []
    for n, frames in enumerate(paths.frames):
        last = forward[frames - 1]
        ends = [_Logs(last.log[n, s][None], last.alive[n, s][None]) for s in np.flatnonzero(paths.ends[n])]
        parts.append(_sum(*ends))
    return _Logs(np.concatenate([part.log for part in parts]), np.concatenate([part.alive for part in parts]))


@operator(integers=("target",))
def ctc_loss(
    x: Any, target: Any, *, input_lengths: Sizes, target_lengths: Lengths, blank: NonNegative, reduction: Reduction
) -> Any:
    """-log of the probability of all paths of classes that are the target once repetitions and blanks are left out.

    x [T, N, C]: logits, of whose softmax over C each class of a path has its probability; target [N, S], int64, without
    blanks; of each sample the first input_lengths frames and the first target_lengths labels count. `mean` is over
    the samples, after the loss of each was divided by the length of its target, or by 1 where that is 0. A target that
    needs more frames than there are has an infinite loss.  Graves et al. (2006), *Connectionist Temporal
    Classification*, section 4, in logarithms.
    """
    paths = _Paths.of(target, blank, input_lengths, target_lengths)
    found = _likelihood(_forward(_of_states(log_softmax.forward(x, dim=2), paths), paths), paths)
    return _reduced(np.where(found.alive, -found.log, np.inf), target_lengths, reduction)


@ctc_loss.vjp
def ctc_loss_vjp(
    dy: Any,
    x: Any,
    target: Any,
    *,
    input_lengths: Sequence[int],
    target_lengths: Sequence[int],
    blank: int,
    reduction: str,
) -> Any:
    """softmax(x) less how often a path that is the target has each class in each frame: section 4.2, equation 16.

    It sums to zero over the classes. Frameworks that leave log_softmax out of the loss send it through its backward,
    and then it loses p times a sum that is zero but for rounding errors; the bound is that of this way.
    """
    paths = _Paths.of(target, blank, input_lengths, target_lengths)
    by_class = log_softmax.forward(x, dim=2)
    logs = _of_states(by_class, paths)
    forward, backward = _forward(logs, paths), _backward(logs, paths)
    whole = _likelihood(forward, paths)
    parts = []
    for before, after, log in zip(forward, backward, logs, strict=True):
        alive = before.alive & after.alive
        share = np.where(alive, before.log + after.log - log - whole.log[:, None], 0.0)
        parts.append(np.where(alive, np.exp(share), 0.0)[None])
    states = np.concatenate(parts, axis=0)
    samples = np.arange(x.shape[1])
    columns = range(paths.labels.shape[1])
    expected = scatter_sum(x.shape, [((slice(None), samples, paths.labels[:, s]), states[:, :, s]) for s in columns])
    (dx,) = log_softmax_vjp((np.exp(by_class) - expected) * _by_sample(dy, target_lengths, reduction), x, dim=2)
    dx = np.where(whole.alive[:, None], dx, np.nan)
    return np.where((np.arange(x.shape[0])[:, None] < paths.frames)[:, :, None], dx, 0.0), None


@ctc_loss.shape
def ctc_loss_shape(
    x: Dims, target: Dims, *, input_lengths: Sizes, target_lengths: Lengths, blank: NonNegative, reduction: Reduction
) -> Dims:
    if len(x) != 3 or len(target) != 2 or target[0] != x[1]:
        raise ShapeError(f"x has shape {list(x)} and target {list(target)}; expected [T, N, C] and [N, S]")
    for name, lengths, largest in (
        ("input_lengths", input_lengths, x[0]),
        ("target_lengths", target_lengths, target[1]),
    ):
        if len(lengths) != x[1] or max(lengths) > largest:
            raise ShapeError(f"{name} is {lengths}; expected {x[1]} numbers, none above {largest}")
    if blank >= x[2]:
        raise ShapeError(f"blank is {blank}; expected one of {x[2]} classes, counted from 0")
    return (x[1],) if reduction == "none" else ()


@ctc_loss.classes
def ctc_loss_classes(x: Dims, target: Dims) -> int:
    return x[2]


def _of_states(by_class: Any, paths: _Paths) -> Any:
    """The logarithms of the labels of states, [T, N, L], of those of classes [T, N, C]."""
    return by_class[:, np.arange(paths.labels.shape[0])[:, None], paths.labels]


def _reduced(losses: Any, target_lengths: Sequence[int], reduction: str) -> Any:
    """The losses of samples [N], their sum, or the mean of those by label."""
    if reduction == "mean":
        return np.sum(losses / _lengths(target_lengths, losses)) / len(target_lengths)
    return np.sum(losses) if reduction == "sum" else losses


def _by_sample(dy: Any, target_lengths: Sequence[int], reduction: str) -> Any:
    """What arrives at the loss of each sample, [N, 1], or at all of them, []."""
    if reduction == "mean":
        return (dy / len(target_lengths) / _lengths(target_lengths, dy))[:, None]
    return dy[:, None] if reduction == "none" else dy


def _lengths(target_lengths: Sequence[int], like: Any) -> Any:
    """By what the mean divides the loss of each sample, as numbers of the kind of `like`."""
    return computed(np.maximum(target_lengths, 1).astype(float), 0.0, like)
