"""What a user can mend: one base for every error that is shown without a traceback, and what was likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_CANDIDATES = 2000
LONGEST_SHOWN = 60


class GradconformError(Exception):
    """Something that the user can mend; the message says where, what came, what was expected and what to do next."""


class UsageError(GradconformError, ValueError):
    """An option or an argument cannot be used; the message says which one, what came and what was expected."""


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint that names the nearest right name, or lists the names when they are few; empty where neither helps."""
    known = list(dict.fromkeys(names))[:MOST_CANDIDATES]
    close = difflib.get_close_matches(name[:LONGEST_SHOWN], known, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ""
