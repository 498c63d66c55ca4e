"""The numerical check: a framework's own forward, differenced, against its own gradients (docs/numeric.md)."""

FOLDER = "numeric"
"""Beside a problem: where to evaluate it. Beside a capture: what that gave."""
