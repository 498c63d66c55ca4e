"""Scripts in the reference: what each tensor should hold after a few steps, and what it would hold out of each habit.

The right answer is the sum rule's: a gradient is the sum over all uses of a tensor, taken at the numbers that forward
saw, and each backward adds it to what is there, where it was asked for. A habit is one way of doing otherwise.
"""

from gradconform.behaviour.habits import between, candidates, indistinct, right
from gradconform.behaviour.program import Answer, Program
from gradconform.behaviour.words import Word

__all__ = ["Answer", "Program", "Word", "between", "candidates", "indistinct", "right"]
