"""What comparisons and histories both speak of. Here, so that a history is told without importing pandas."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """Where a row is, in both runs. adapter: its environment, such as `chainer-6.3`; versions are what may differ.

    tensor is empty where a row speaks of a whole problem.
    """

    spec: str
    node: str
    tensor: str
    framework: str
    adapter: str
    route: str
    dtype: str
    check: str


@dataclass(frozen=True)
class EnvironmentChange:
    """Something that is not a result and differs.

    of: `harness`, the name of an adapter, or the name of a network. what: `version`, `python`, `seed`, `problem`, ...
    Empty where one run has none.
    """

    of: str
    what: str
    before: str
    after: str
