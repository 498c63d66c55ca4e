"""Independent forwards of the family `attention`: query by query, key by key."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from oracles import forward


@forward
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any, *, is_causal: bool, scale: float
) -> Any:
    y = np.empty((*query.shape[:-1], value.shape[-1]))
    for *at, q in np.ndindex(*query.shape[:-1]):
        scores = []
        for s in range(key.shape[-2]):
            score = scale * math.fsum(query[(*at, q)] * key[(*at, s)])
            if attn_mask is not None:
                score += attn_mask[q, s] if attn_mask.ndim == 2 else attn_mask[(*at, q, s)]
            scores.append(-math.inf if is_causal and s > q else score)
        # Each weight by itself, as one over a sum that cannot overflow unless the weight is zero.
        with np.errstate(over="ignore"):
            weights = [0.0 if math.isinf(a) else 1 / float(np.sum(np.exp(np.subtract(scores, a)))) for a in scores]
        y[(*at, q)] = [math.fsum(column) for column in (np.array(weights)[:, None] * value[tuple(at)]).T]
    return y
