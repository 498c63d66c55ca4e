"""The way of a run: draw, capture, judge, mark; its processes and its manifest."""
