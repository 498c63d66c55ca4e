"""The networks on which every framework's routes are held against its primary one."""

SHIPPED = ("cnn", "transformer", "residual_train", "three_readers", "unused")
# What those have none of: integers, a list of tensors, an operator that may return what it was given, a shared
# parameter, an input without gradient, a node named like a method of torch's Module.
MIXED = """
about: Everything that a route may stumble over.
inputs:
  x:     {shape: [4, 3], grad: true}
  ids:   {shape: [4], integers: [0, 5]}
  fixed: {shape: [4, 3]}
nodes:
  table: {op: embedding, x: ids, num_embeddings: 5, embedding_dim: 3}
  still: {op: abs, x: fixed}
  same:  {op: dropout, x: x, p: 0.5, training: false}
  two:   {op: linear, x: same, out_features: 3}
  again: {op: linear, x: table, weight: two.weight, bias: false, out_features: 3}
  train: {op: cat, xs: [x, same, two, again, still, x], dim: 1}
  y:     {op: square}
"""
