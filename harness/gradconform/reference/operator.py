"""What an operator is: its forward, its vector-Jacobian product, its shapes and its parameters.

A family's module reads like this, and nothing else has to be told that the operator exists:

    @operator
    def leaky_relu(x, *, negative_slope: Real):
        '''x where x > 0, else negative_slope * x.'''
        return np.where(x > 0, x, negative_slope * x)

    @leaky_relu.vjp
    def leaky_relu_vjp(dy, x, *, negative_slope):
        return (np.where(x > 0, dy, negative_slope * dy),)

    @leaky_relu.choices
    def leaky_relu_choices(x, *, negative_slope):
        return x > 0

    @leaky_relu.subgradients
    def leaky_relu_subgradients(dy, x, *, negative_slope):
        (dx,) = leaky_relu_vjp(dy, x, negative_slope=negative_slope)
        return (between(dx, tied(x, 0.0), negative_slope * dy, dy, nan=np.isnan(x)),)

What is known of an operator beyond its numbers stands with it too: `choices` says where its kinks are, and one without
is smooth; `subgradients` says what is right on them, and `shares` which elements share one gradient there;
`from_output` gives its derivative from y; `elementwise=True` says that its Jacobian is diagonal, `moves=True` that it
rounds nothing, and `jvp` how frameworks form J t where that is another formula than the forward's. `tests/reference`
checks each of these facts, and that none is missing. One with `results` has several outputs that others may read: its
forward gives them all, and dy is then a tuple of the gradients that arrive at each, zeros where none does.

Forward and VJP are written once over any array type: float64 arrays give values, `rounding.Rounded` gives values with a
bound on the rounding error, `exactness.Exact` proves that no rounding happens, `dual.Dual` gives second order and
forward mode, complex arrays serve the checks.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradconform.draws import Draw

Dims = tuple[int, ...]
OPERATORS: dict[str, Operator] = {}


class ShapeError(ValueError):
    """A shape rule refuses the shapes or attributes of a node; the message says what came and what was expected."""


class Operator:
    """The definition of one operator.

    slots: the tensors it takes, in order.
    parameters, buffers, integers, optional: the slots of each kind.
    variadic: the one slot that takes a list of tensors, or None.
    elementwise: whether each element of the result depends on the one of its tensor that is at the same place alone.
    second_unbounded: whether the bound of its second order is not that of what frameworks evaluate: what differs there
    is inconclusive.
    moves: whether it and its VJP only choose and move numbers, or change their sign: nothing is rounded then.
    regular: whether the matrices that it reads must have an inverse; of equal rows none has.
    attributes: what goes to the forward by keyword, name -> type.
    sizes: what only shapes and parameters need, name -> type.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        parameters: Sequence[str] = (),
        buffers: Sequence[str] = (),
        integers: Sequence[str] = (),
        optional: Sequence[str] = (),
        variadic: str | None = None,
        elementwise: bool = False,
        moves: bool = False,
        regular: bool = False,
        second_unbounded: bool = False,
    ) -> None:
        self.name = forward.__name__
        # The module it is defined in; its cases and its adapters' functions lie in files that are called alike.
        self.family = forward.__module__.rpartition(".")[2]
        self.forward = forward
        self.about = (forward.__doc__ or "").strip()
        signature = inspect.signature(forward)
        hints = typing.get_type_hints(forward, include_extras=True)
        positional = [p.name for p in signature.parameters.values() if p.kind is not p.KEYWORD_ONLY]
        self.slots: tuple[str, ...] = tuple(positional)
        self.attributes: dict[str, Any] = {k: t for k, t in hints.items() if k not in positional and k != "return"}
        self.sizes: dict[str, Any] = {}
        self.parameters = tuple(parameters)
        self.buffers = tuple(buffers)
        self.integers = tuple(integers)
        self.optional = tuple(optional)
        self.variadic = variadic
        self.elementwise = elementwise
        self.moves = moves
        self.regular = regular
        self.second_unbounded = second_unbounded
        self._vjp: Callable[..., Any] | None = None
        self._shape: Callable[..., Dims] | None = None
        self._draws: Callable[..., Mapping[str, Draw]] | None = None
        self._extra: Callable[..., Sequence[str]] | None = None
        self._results: Callable[..., Mapping[str, Dims]] | None = None
        self._classes: Callable[..., int] | None = None
        self._choices: Callable[..., Any] | None = None
        self._subgradients: Callable[..., Any] | None = None
        self._shares: Callable[..., Any] | None = None
        self._from_output: Callable[..., Any] | None = None
        self._jvp: Callable[..., Any] | None = None
        self._gathers: Callable[..., int] | None = None

    def __repr__(self) -> str:
        return f"<operator {self.name}>"

    @property
    def smooth(self) -> bool:
        """Whether the operator has no kink anywhere: it registered no choices."""
        return self._choices is None

    @property
    def has_subgradients(self) -> bool:
        """Whether the operator says what is right on its kinks."""
        return self._subgradients is not None

    @property
    def has_from_output(self) -> bool:
        """Whether `run_from_output` may be called."""
        return self._from_output is not None

    @property
    def tensors(self) -> tuple[str, ...]:
        """The slots that a spec fills with named tensors: neither parameters nor buffers."""
        return tuple(s for s in self.slots if s not in self.parameters and s not in self.buffers)

    def vjp(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register the VJP: `(dy, *slots, **attributes) -> one gradient per slot`, None where there is none."""
        self._vjp = function
        return function

    def jvp(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register J t as frameworks form it: `(*tangents, *slots, **attributes) -> the tangent of the first output`.

        They differentiate their backward in the gradient that arrives, so it has the roundings of the VJP's formula.
        Needed where the forward's formula is the more accurate one; that of an elementwise operator is its VJP.
        """
        self._jvp = function
        return function

    def choices(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register what the forward chooses: `(*slots, **attributes) -> array`, such as `x > 0` for a ReLU.

        On a line between two points at which it gives the same, element by element, the operator is smooth; where it
        differs there is a kink between them. What is chosen for accuracy alone (as in softplus) has no place here.
        """
        self._choices = function
        return function

    def subgradients(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register what is right on a kink: `(dy, *slots, **attributes) -> (low, high) per slot`; None where none is.

        Both have the slot's shape and are the gradient itself, bound and all, where an element lies on no kink. What
        the choice of the VJP gives lies between them. See `tracked/ties.py`.
        """
        self._subgradients = function
        return function

    def shares(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register which elements share one gradient: `(*slots, **attributes) -> one array of numbers for each slot`.

        Elements with the same number, in whichever slot, may have what they like of it as long as their gradients sum
        to what those of the VJP do; one with `ties.ALONE` shares nothing.
        """
        self._shares = function
        return function

    def gathers(self, function: Callable[..., int]) -> Callable[..., int]:
        """Register how many terms of the gradient of the first slot are added to it one by one.

        `(*shapes of the slots) -> int`. A framework may add them to what other readers of the tensor sent back before,
        and then each of them rounds the whole sum: NNabla's convolution does, whose `fold_from_patches` adds to the
        gradient that is there.
        """
        self._gathers = function
        return function

    def from_output(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Register the derivative of an elementwise operator of one tensor, from y: `(y, **attributes) -> dy / dx`.

        Frameworks that keep y in place of x take it so, and then a change of y shows in the gradient.
        """
        self._from_output = function
        return function

    def shape(self, function: Callable[..., Dims]) -> Callable[..., Dims]:
        """Register the shape rule: shapes of `tensors` and any attributes or sizes it names -> shape of the output."""
        self._shape = function
        self._add_sizes(function)
        return function

    def draws(self, function: Callable[..., Mapping[str, Draw]]) -> Callable[..., Mapping[str, Draw]]:
        """Register the shapes and drawn values of parameters and buffers, from the same arguments as the shape rule."""
        self._draws = function
        self._add_sizes(function)
        return function

    def classes(self, function: Callable[..., int]) -> Callable[..., int]:
        """Register how many classes its integers choose among, from the arguments of the shape rule."""
        self._classes = function
        self._add_sizes(function)
        return function

    def extra(self, function: Callable[..., Sequence[str]]) -> Callable[..., Sequence[str]]:
        """Register the names of further outputs (no gradient, no readers), from the attributes it names."""
        self._extra = function
        return function

    def results(self, function: Callable[..., Mapping[str, Dims]]) -> Callable[..., Mapping[str, Dims]]:
        """Register the outputs beside the first that others may read: name -> shape, from the shape rule's arguments.

        The node `parts` of an operator whose results are `1` and `2` gives the tensors `parts`, `parts.1`, `parts.2`.
        They come between the first output and those of `extra`. The docstring completes "gives NODE, ...".
        """
        self._results = function
        self._add_sizes(function)
        return function

    def _add_sizes(self, function: Callable[..., Any]) -> None:
        hints = typing.get_type_hints(function, include_extras=True)
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY and name not in self.attributes:
                self.sizes.setdefault(name, hints[name])

    def output_shape(self, shapes: Mapping[str, Any], values: Mapping[str, Any]) -> Dims:
        """The shape of the first output. Raises ShapeError where the shapes or attributes do not fit."""
        if self._shape is None:
            return tuple(shapes[self.tensors[0]])
        return tuple(self._shape(*(shapes[s] for s in self.tensors), **_wanted(self._shape, values)))

    def parameter_draws(self, shapes: Mapping[str, Any], values: Mapping[str, Any]) -> Mapping[str, Draw]:
        """Slot -> Draw, for every parameter and buffer of the operator."""
        if self._draws is None:
            return {}
        return self._draws(*(shapes[s] for s in self.tensors), **_wanted(self._draws, values))

    def number_of_classes(self, shapes: Mapping[str, Any], values: Mapping[str, Any]) -> int | None:
        """How many classes the operator's integers choose among; None where it takes no integers."""
        if self._classes is None:
            return None
        return self._classes(*(shapes[s] for s in self.tensors), **_wanted(self._classes, values))

    @property
    def several(self) -> bool:
        """Whether the operator has more than one output that others may read, so that its dy is a tuple."""
        return self._results is not None

    @property
    def about_results(self) -> str:
        """What the outputs beside the first are called and hold, for a reader; empty where there are none."""
        return inspect.getdoc(self._results) or "" if self._results is not None else ""

    def dy_of(self, arrived: Sequence[Any]) -> Any:
        """What the VJP takes as dy, of what arrived at each result: the one, or all of them where there are several."""
        return tuple(arrived) if self.several else arrived[0]

    def further_results(self, shapes: Mapping[str, Any], values: Mapping[str, Any]) -> Mapping[str, Dims]:
        """Name -> shape of the outputs beside the first that others may read. Raises ShapeError."""
        if self._results is None:
            return {}
        return self._results(*(shapes[s] for s in self.tensors), **_wanted(self._results, values))

    def extra_outputs(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of the outputs that nobody may read, such as running statistics."""
        return tuple(self._extra(**_wanted(self._extra, values))) if self._extra else ()

    def run_forward(self, tensors: Sequence[Any], attributes: Mapping[str, Any]) -> tuple[Any, ...]:
        """All outputs of the operator, as a tuple. tensors: one for each slot, of any array type."""
        result = self.forward(*tensors, **attributes)
        return result if isinstance(result, tuple) else (result,)

    def run_vjp(self, dy: Any, tensors: Sequence[Any], attributes: Mapping[str, Any]) -> tuple[Any, ...]:
        """One gradient per slot (for a variadic slot a list of them); None for integers, buffers and absent tensors.

        dy: the gradient that arrives, of the first output's shape; a tuple of them for an operator of several results.
        """
        if self._vjp is None:
            raise TypeError(f"operator {self.name} has no VJP")
        result: tuple[Any, ...] = self._vjp(dy, *tensors, **attributes)
        assert len(result) == len(self.slots), f"the VJP of {self.name} gave {len(result)} gradients"
        return result

    @property
    def has_jvp(self) -> bool:
        """Whether `run_jvp` may be called."""
        return self._jvp is not None

    def run_jvp(self, tangents: Sequence[Any], tensors: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
        """The tangent of the first output, of the first output's shape; tangents: one for each slot, None for zero."""
        if self._jvp is None:
            raise TypeError(f"operator {self.name} has no JVP of its own")
        return self._jvp(*tangents, *tensors, **attributes)

    def run_choices(self, tensors: Sequence[Any], attributes: Mapping[str, Any]) -> Any:
        """What the forward chooses, an array of any shape; None for a smooth operator."""
        return None if self._choices is None else self._choices(*tensors, **attributes)

    def run_subgradients(self, dy: Any, tensors: Sequence[Any], attributes: Mapping[str, Any]) -> tuple[Any, ...]:
        """(low, high) of the right gradients of each slot, None where it has none; of an operator with kinks."""
        if self._subgradients is None:
            raise TypeError(f"operator {self.name} has no subgradients")
        return tuple(self._subgradients(dy, *tensors, **attributes))

    def run_shares(self, tensors: Sequence[Any], attributes: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The numbers of the elements of each slot, equal where they share one gradient; None where none can."""
        return None if self._shares is None else tuple(self._shares(*tensors, **attributes))

    def gathered(self, shapes: Sequence[Any]) -> int:
        """How many terms of the gradient of the first slot are added one by one; shapes: one for each slot."""
        return 1 if self._gathers is None else self._gathers(*shapes)

    def run_from_output(self, y: Any, attributes: Mapping[str, Any]) -> Any:
        """The derivative of y in the one tensor, from y [...] alone; the same shape."""
        if self._from_output is None:
            raise TypeError(f"operator {self.name} has no derivative from its output")
        return self._from_output(y, **attributes)


def _wanted(function: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    names = inspect.signature(function).parameters.values()
    return {p.name: values[p.name] for p in names if p.kind is p.KEYWORD_ONLY}


@typing.overload
def operator(forward: Callable[..., Any], /) -> Operator: ...
@typing.overload
def operator(**options: Any) -> Callable[[Callable[..., Any]], Operator]: ...
def operator(forward: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make an operator of its forward; the options are those of `Operator`."""

    def make(function: Callable[..., Any]) -> Operator:
        made = Operator(function, **options)
        OPERATORS[made.name] = made
        return made

    return make if forward is None else make(forward)
