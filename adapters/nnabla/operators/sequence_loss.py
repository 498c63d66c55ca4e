"""NNabla: operators of losses of sequences, of which it has none."""
