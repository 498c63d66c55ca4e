"""Arrays that carry more than a value through the reference: an error, or a proof of exactness."""

# Modules of rules, which are registered with those of `rounding.py` by being imported.
from gradconform.reference.tracked import angles, elementary, special_functions

__all__ = ["angles", "elementary", "special_functions"]
