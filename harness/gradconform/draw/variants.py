"""The problems that a spec asks for: one for each dtype, with drawn or exact values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from gradconform.spec.model import Network


@dataclass(frozen=True)
class Variant:
    """One problem that is to be drawn.

    network: the network.
    dtype: the name of the dtype under test.
    values: `drawn` or `exact`.
    """

    network: Network
    dtype: str
    values: str

    @property
    def name(self) -> str:
        """The name of the problem's folder, `<network>.<dtype>.<values>`."""
        return f"{self.network.name}.{self.dtype}.{self.values}"


def numbers_of(variant: Variant) -> int:
    """Numbers of a problem, drawn or not: of its leaves and of all its nodes' outputs."""
    network = variant.network
    shapes = [tensor.shape for tensor in network.tensors]
    shapes += [output.shape for node in network.nodes for output in node.outputs]
    return sum(map(math.prod, shapes))


def variants(networks: Iterable[Network], dtype: str | None = None) -> list[Variant]:
    """Every problem that the networks ask for; with a dtype, those in that dtype."""
    return [
        Variant(network, each, values)
        for network in networks
        for each in (network.dtypes if dtype is None else (dtype,))
        for values in network.values
    ]
