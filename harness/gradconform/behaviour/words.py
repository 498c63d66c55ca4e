"""The words of the table of behaviours."""

from __future__ import annotations

from enum import StrEnum


class Word(StrEnum):
    """A word for what became of a tensor. Each word has a sentence about itself."""

    about: str

    def __new__(cls, word: str, about: str) -> Word:
        """The word, with its sentence."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.about = about
        return member

    GIVES = "gives", "the right numbers, where nothing was there before"
    ADDS = "adds", "the right numbers: those that were there and the new ones"
    ONES = "ones", "the numbers for a cotangent of ones, where none was given; right for a scalar"
    ZEROS = "zeros", "zero in every element"
    NONE = "none", "no gradient at all"
    NAN = "nan", "NaN in every element"
    RAISES = "raises", "an exception, in a step or on reading"
    REUSED = "reused", "the framework may have given the buffer to another tensor: it is not read"
    OVERWRITES = "overwrites", "the numbers of the last backward alone, whatever was there"
    UNCLEARED = "uncleared", "what was cleared is still in there"
    STALE = "stale", "older numbers: the last change, forward or backward was not seen"
    REWRITTEN = "rewritten", "a gradient taken at numbers that were changed after forward"
    LEAKS = "leaks", "what was put into the gradient of an intermediate flowed on to this tensor"
    UNASKED = "unasked", "a gradient that nobody asked for: of an intermediate not kept, or of an input without one"
    STORES = "stores", "what the functional way returned was stored as well, unasked"
    FLOWS = "flows", "a gradient that came through a cut"
    SUBGRADIENT = "subgradient", "at a kink, other numbers between the two one-sided derivatives; they follow"
    OTHER = "other", "none of these; the numbers follow"
