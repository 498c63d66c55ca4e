"""Picking elements by their places, and sending gradients back to them."""

from __future__ import annotations

import numpy as np
from gradconform.dtypes import Dtype
from gradconform.reference.tracked.places import numbered, occurrences, picked, sent_back
from gradconform.reference.tracked.rounding import Rounded

SINGLE = Dtype.of("float32")


def test_what_is_sent_back_is_the_transpose_of_what_is_picked():
    """<w, picked(u)> = <sent_back(w), u>, for places that come never, once and often."""
    rng = np.random.default_rng(0)
    places, u = rng.integers(0, 12, size=(4, 5)), rng.normal(size=(3, 4))
    w = rng.normal(size=places.shape)
    assert np.isclose(np.sum(w * picked(u, places)), np.sum(sent_back(w, places, u.shape) * u))


def test_in_no_group_of_occurrences_does_an_index_come_twice():
    """And together they are all."""
    indices = np.array([2, 0, 2, 2, 1, 0])
    groups = occurrences(indices)
    assert [sorted(indices[group]) for group in groups] == [[0, 1, 2], [0, 2], [2]]
    assert sorted(np.concatenate(groups)) == list(range(6))


def test_what_is_picked_once_is_sent_back_without_rounding():
    """An element that is picked more often has the bound of a sum."""
    dy = Rounded(np.array([0.1, 0.7, 0.4]), unit=SINGLE)
    assert sent_back(dy, np.array([2, 0, 1]), (2, 2)).error is None
    bound = sent_back(dy, np.array([2, 0, 2]), (2, 2)).bound()
    assert bound[1, 0] > SINGLE.roundoff * 0.4
    assert np.all(bound.ravel()[[0, 1, 3]] <= SINGLE.tiny)


def test_elements_are_numbered_in_row_major_order():
    """As `reshape(-1)` has them."""
    assert numbered((2, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert numbered(()).tolist() == 0
