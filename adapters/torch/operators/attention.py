"""PyTorch: operators of attention."""

from torch.nn import functional as F


def op_scaled_dot_product_attention(query, key, value, attn_mask, *, is_causal, scale):
    if is_causal and attn_mask is not None:
        raise NotImplementedError("F.scaled_dot_product_attention takes a mask or is_causal, and not both")
    return F.scaled_dot_product_attention(query, key, value, attn_mask=attn_mask, is_causal=is_causal, scale=scale)
