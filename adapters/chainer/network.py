"""A problem as a ``chainer.Chain``."""

import functools

import chainer

from . import adapter


class Node(chainer.Link):
    """A node that owns parameters or buffers. It is called as a link, so that hooks of links see it."""

    def forward(self, operator, *tensors, **attributes):
        """What the operator gives; the link's own parameters are among the tensors."""
        return operator(*tensors, **attributes)


class Network(chainer.Chain):
    """One child link for every node that owns parameters or buffers; a call applies every node."""

    def __init__(self, problem, tensors, walk):
        super().__init__()
        # All in one attribute, so that only one name is taken from the nodes.
        self.gradconform = problem, walk
        for entry in problem["parameters"]:
            link, slot = self._place(entry["name"])
            with link.init_scope():
                # A Parameter made from an array holds that very array: no copy of the weights.
                setattr(link, slot, chainer.Parameter(tensors[entry["name"]]))
        for entry in problem["buffers"]:
            link, slot = self._place(entry["name"])
            link.add_persistent(slot, tensors[entry["name"]].copy())

    def _place(self, name):
        """The link of a parameter or buffer, made where it is not there yet, and the name in it."""
        node, _, slot = name.rpartition(".")
        if node not in self._children:
            if hasattr(self, node):
                raise NotImplementedError(
                    "node '%s' owns parameters, but a chainer.Chain cannot hold a link of that name, having "
                    "an attribute '%s'; rename the node" % (node, node)
                )
            self.add_link(node, Node())
        return self[node], slot

    def forward(self, inputs):
        """Every tensor of the problem by name, from the inputs by name."""
        problem, walk = self.gradconform
        values = dict(inputs)
        for entry in problem["parameters"] + problem["buffers"]:
            node, _, slot = entry["name"].rpartition(".")
            values[entry["name"]] = getattr(self[node], slot)
        return walk(self._operators(problem), values)

    def _operators(self, problem):
        """The adapter's operators, through the link of each node that has one."""
        links = {link.name: link for link in self.children()}
        # The walk applies every node in order, and does not tell an operator for which it is called.
        following = iter(problem["nodes"])

        def through_its_link(operator):
            def apply(*tensors, **attributes):
                link = links.get(next(following)["name"])
                call = operator if link is None else functools.partial(link, operator)
                return call(*tensors, **attributes)

            return apply

        return {name: through_its_link(f) for name, f in vars(adapter).items() if name.startswith("op_")}


def build(problem, tensors, walk):
    """Return the problem as a Network, whose ``namedparams()`` are the problem's parameters."""
    return Network(problem, tensors, walk)


def evaluate(network, problem, tensors):
    """The output at what ``tensors`` hold now; no graph is kept, and no operator writes into a buffer."""
    with chainer.no_backprop_mode():
        values = network({entry["name"]: chainer.Variable(tensors[entry["name"]]) for entry in problem["inputs"]})
    return values[problem["output"]].array
