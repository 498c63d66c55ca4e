"""Attention: rows that are means of other rows, weighted by how well they match."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradconform.reference.attributes import Flag, Positive
from gradconform.reference.operator import Dims, ShapeError, operator
from gradconform.reference.operators.binary import unbroadcast
from gradconform.reference.tracked.arrays import constant


@operator(optional=("attn_mask",))
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any, *, is_causal: Flag, scale: Positive
) -> Any:
    """softmax(scale Q K' + mask) V, the softmax being over the keys.

    query [..., L, E], key [..., S, E], value [..., S, D], with equal leading axes; attn_mask is added: [..., L, S] or
    [L, S], or absent; y [..., L, D]. With `is_causal` query l sees the keys 0 to l alone.  Vaswani et al. (2017),
    *Attention Is All You Need*, equation 1, with a scale of 1 / sqrt(E).
    """
    return np.matmul(_weights(query, key, attn_mask, is_causal, scale), value)


@scaled_dot_product_attention.vjp
def scaled_dot_product_attention_vjp(
    dy: Any, query: Any, key: Any, value: Any, attn_mask: Any, *, is_causal: bool, scale: float
) -> Any:
    weights = _weights(query, key, attn_mask, is_causal, scale)
    by_weight = np.matmul(dy, np.swapaxes(value, -1, -2))
    by_score = weights * (by_weight - np.sum(weights * by_weight, axis=-1, keepdims=True))
    scaled = by_score * scale
    return (
        np.matmul(scaled, key),
        np.matmul(np.swapaxes(scaled, -1, -2), query),
        np.matmul(np.swapaxes(weights, -1, -2), dy),
        None if attn_mask is None else unbroadcast(by_score, attn_mask.shape),
    )


@scaled_dot_product_attention.jvp
def scaled_dot_product_attention_jvp(
    query_t: Any,
    key_t: Any,
    value_t: Any,
    attn_mask_t: Any,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any,
    *,
    is_causal: bool,
    scale: float,
) -> Any:
    weights = _weights(query, key, attn_mask, is_causal, scale)
    scores = [] if attn_mask_t is None else [attn_mask_t]
    if query_t is not None:
        scores.append(np.matmul(query_t, np.swapaxes(key, -1, -2)) * scale)
    if key_t is not None:
        scores.append(np.matmul(query, np.swapaxes(key_t, -1, -2)) * scale)
    found = [] if value_t is None else [np.matmul(weights, value_t)]
    for t in scores:
        turned = weights * (t - np.sum(weights * t, axis=-1, keepdims=True))
        found.append(np.matmul(turned, value))
    return sum(found[1:], start=found[0])


@scaled_dot_product_attention.shape
def scaled_dot_product_attention_shape(query: Dims, key: Dims, value: Dims, attn_mask: Dims | None) -> Dims:
    leading = query[:-2]
    fit = min(map(len, (query, key, value))) >= 2 and key[:-2] == leading and value[:-2] == leading
    if not fit or key[-1] != query[-1] or value[-2] != key[-2]:
        shapes = ", ".join(str(list(shape)) for shape in (query, key, value))
        raise ShapeError(
            f"query, key and value have the shapes {shapes}; expected [..., L, E], [..., S, E] and [..., S, D] with "
            "equal leading axes"
        )
    scores = (query[-2], key[-2])
    if attn_mask is not None and attn_mask not in (scores, (*leading, *scores)):
        raise ShapeError(f"attn_mask has shape {list(attn_mask)}; expected {list(scores)} or {[*leading, *scores]}")
    return (*query[:-1], value[-1])


def _weights(query: Any, key: Any, attn_mask: Any, is_causal: bool, scale: float) -> Any:
    """How much each query takes of each value, [..., L, S]; each row sums to 1."""
    scores = np.matmul(query, np.swapaxes(key, -1, -2)) * scale
    scores = scores if attn_mask is None else scores + attn_mask
    seen = np.tri(*scores.shape[-2:]) > 0 if is_causal else np.ones(scores.shape[-2:], dtype=bool)
    largest = np.max(np.where(seen, constant(scores), -np.inf), axis=-1, keepdims=True)
    each = np.where(seen, np.exp(np.where(seen, scores - largest, 0.0)), 0.0)
    return each / np.sum(each, axis=-1, keepdims=True)
