"""NNabla: operators of attention, of which it has none."""
