"""Known divergences: faults of a framework's operator, listed with where they come from and how large they get.

An entry speaks of an operator in a framework, never of a network, so it covers the fault wherever it shows. The one
network that it names is where it must show: when it no longer does there, a run of that network fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from gradconform.errors import GradconformError, nearest
from gradconform.judge.measures import When
from gradconform.judge.versions import checked, within
from gradconform.reference import OPERATORS
from gradconform.spec import Network, SpecError
from gradconform.spec import load as load_spec

OUTPUT, HANDED, BEHIND, TANGENT = "output", "grad/output", "grad/behind", "tangent"
"""Tensors of an entry that are not an operand's gradient; `places.py` says which they are in a network."""


class KnownError(GradconformError, ValueError):
    """A file of known divergences or conventions is malformed; the message says where and what was expected."""


def _list(given: Any) -> Any:
    return given if isinstance(given, list | tuple) else [given]


class AtMost(BaseModel):
    """How large a listed fault gets; a larger one is news.

    relative: |error| over the largest magnitude that was expected, of the channel or row where the condition is of
    those, else of the tensor.
    roundoffs: the same in unit roundoffs of the dtype; from 1 / u on no digit is left and anything may come, NaN too.
    ratio: |error| over the bound.
    in_place_of: any number, but only where `nan` or `infinite` was expected: a framework that lets one vanish.
    times: what the figure grows with, one or several: `measure` or `measure squared` of the first condition, `root of
    size`, of the number of elements that it is measured over, and `window`, the number of elements under the kernel of
    a pooling.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    relative: Annotated[float, Field(gt=0)] | None = None
    roundoffs: Annotated[float, Field(gt=0)] | None = None
    ratio: Annotated[float, Field(gt=0)] | None = None
    in_place_of: Literal["nan", "infinite"] | None = None
    times: Annotated[
        tuple[Literal["measure", "measure squared", "root of size", "window"], ...], BeforeValidator(_list)
    ] = ()

    @model_validator(mode="after")
    def _one_figure(self) -> AtMost:
        given = [f for f in (self.relative, self.roundoffs, self.ratio, self.in_place_of) if f is not None]
        if len(given) != 1:
            raise ValueError(f"{len(given)} of relative, roundoffs, ratio and in_place_of; expected exactly one")
        if self.in_place_of is not None and self.times:
            raise ValueError(f"in_place_of has no size; expected no `times`, not {self.times[0]!r}")
        return self


class Shows(BaseModel):
    """The network in which a listed divergence must show, whenever that network is run.

    in: its file; in a list, relative to the folder of the list.
    as: its name, where the file holds several.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    file: Path = Field(alias="in")
    name: str | None = Field(default=None, alias="as")

    def network(self) -> Network:
        """The network. Raises KnownError where the file has none of that name, or several and none is named."""
        networks = {network.name: network for network in _networks(self.file)}
        if self.name is None and len(networks) == 1:
            return next(iter(networks.values()))
        if self.name not in networks:
            hint = nearest(self.name, networks) if self.name else "say which with `as`"
            what = f"has no network {self.name!r}" if self.name else f"has {len(networks)} networks"
            raise KnownError(f"{self.file} {what}; {hint}".rstrip("; "))
        return networks[self.name]


class Known(BaseModel):
    """One listed divergence: what fault of which operator, of which of its tensors, under which condition, how large.

    framework, versions: of which; versions as in `versions.py`, empty for every one.
    operator, attributes: of the node; attributes that are not given may be anything.
    unless: attributes with which a node has not the fault; where several are given, with all of them.
    tensor: `output`, `output/<buffer>` for an updated statistic, `grad/<slot>` for what the node sends back to an
    operand, `grad/output` for the gradient that it was handed, and `grad/behind` for what follows from that one.
    through: operators whose backward hands on the array that it got, so that `grad/output` is also that of others.
    dtype: None for every one.
    check: `local`, which an exact problem's is too, `numeric`, or `second_order`, whose tensors are `tangent` and
    `grad2/<slot>`.
    verdict: what is listed. A tensor that is known to diverge and then goes missing is news, and the reverse.
    when: conditions that must all hold where an element comes from; none for everywhere.
    at_most: how large the error of an element gets; None for anything, NaN too.
    shows: the network in which it must show.
    reason, link: why it is so, and where more is said.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    framework: str
    versions: Annotated[tuple[Annotated[str, AfterValidator(checked)], ...], BeforeValidator(_list)] = ()
    operator: str
    attributes: Mapping[str, Any] = {}
    unless: Mapping[str, Any] = {}
    tensor: str
    through: tuple[str, ...] = ()
    dtype: str | None = None
    check: Literal["local", "numeric", "second_order"] = "local"
    verdict: Literal["diverges", "missing"] = "diverges"
    when: Annotated[tuple[When, ...], BeforeValidator(_list)] = ()
    at_most: AtMost | Literal["anything"]
    shows: Shows
    reason: Annotated[str, Field(min_length=20)]
    link: Annotated[str, Field(min_length=3)]

    @model_validator(mode="after")
    def _of_the_operator(self) -> Known:
        """What is named must be there, so that no entry is idle because of a slip."""
        for name in (self.operator, *self.through):
            if name not in OPERATORS:
                raise ValueError(f"there is no operator {name!r}; {nearest(name, OPERATORS)}".rstrip("; "))
        operator = OPERATORS[self.operator]
        tensors = (OUTPUT, HANDED, BEHIND, *(f"output/{b}" for b in operator.buffers))
        tensors += tuple(f"grad/{slot}" for slot in operator.slots if slot not in operator.buffers)
        if self.check == "second_order":
            tensors = (TANGENT, *(f"grad2/{slot}" for slot in operator.slots if slot not in operator.buffers))
        operands = ("dy", *(slot for slot in operator.slots if slot != operator.variadic))
        for what, given, there in (
            ("tensor", (self.tensor,), tensors),
            ("attribute", (*self.attributes, *self.unless), operator.attributes),
            ("operand", (when.of for when in self.when), operands),
        ):
            for name in given:
                if name not in there:
                    raise ValueError(f"{self.operator} has no {what} {name!r}; expected one of {', '.join(there)}")
        self._limits_that_make_sense(operator.attributes)
        return self

    def _limits_that_make_sense(self, attributes: Mapping[str, Any]) -> None:
        if self.check == "numeric" and not isinstance(self.at_most, str) and self.at_most.in_place_of is not None:
            raise ValueError("at_most in_place_of looks at elements, and check numeric has rows; expected a figure")
        times = () if isinstance(self.at_most, str) else self.at_most.times
        if "window" in times and "kernel_size" not in attributes:
            raise ValueError(f"at_most grows with the window, and {self.operator} has none")
        unmeasured = [each for each in times if each != "window"]
        if unmeasured and not self.when:
            raise ValueError(f"at_most grows with the {unmeasured[0]}, and there is no `when` that measures")
        if self.tensor.startswith(OUTPUT) and any(when.of == "dy" for when in self.when):
            raise ValueError("an output does not depend on dy; expected an operand of the operator")

    def of(self, framework: str, version: str, dtype: str) -> bool:
        """Whether the entry speaks of this framework, version and dtype."""
        in_range = not self.versions or any(within(version, each) for each in self.versions)
        return framework == self.framework and in_range and self.dtype in (None, dtype)


@cache
def _networks(path: Path) -> tuple[Network, ...]:
    """The networks of a file. Raises KnownError."""
    try:
        return load_spec(path)
    except SpecError as error:
        raise KnownError(str(error)) from error
