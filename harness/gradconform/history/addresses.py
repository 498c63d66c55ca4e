"""The values that both comparisons and histories use. They import no pandas, so that a history is listed at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """What identifies a row in two runs. The framework's version is no part of it, since versions may differ.

    spec, node, tensor: what was judged; tensor is empty where the row speaks of a whole problem.
    framework: its name.
    adapter: the environment of the framework, such as `chainer-6.3`.
    route, dtype, check: how it was captured and judged.
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

    of: `harness`, the name of an adapter, or the name of a network.
    what: `version`, `python`, `seed`, `problem`, ...
    before, after: the two values; empty where a run has none.
    """

    of: str
    what: str
    before: str
    after: str
