"""A problem as a ``chainer.Chain``."""

import chainer


class Node(chainer.Link):
    """A node that owns parameters or buffers. It is called as a link, so that hooks of links see it."""

    def forward(self, apply, *tensors):
        """What the operator gives when it is applied; the link's own parameters are among the tensors."""
        return apply(*tensors)


class Network(chainer.Chain):
    """One child link for every node that owns parameters or buffers; a call applies every node."""

    def __init__(self, problem, tensors, nodes):
        super().__init__()
        # All in one attribute, so that only one name is taken from the nodes.
        self.gradconform = problem, nodes
        for entry in problem["parameters"]:
            link, slot = self._place(entry["name"])
            with link.init_scope():
                # A Parameter made from an array holds that very array: no copy of the weights.
                setattr(link, slot, chainer.Parameter(tensors[entry["name"]]))
        for entry in problem["buffers"]:
            link, slot = self._place(entry["name"])
            link.add_persistent(slot, tensors[entry["name"]].copy())

    def _place(self, name):
        """The link of a parameter or buffer, made where it is not there yet, and the name of the parameter in it."""
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
        """Every tensor of the problem by name, computed from the inputs by name."""
        problem, nodes = self.gradconform
        values = dict(inputs)
        for entry in problem["parameters"] + problem["buffers"]:
            node, _, slot = entry["name"].rpartition(".")
            values[entry["name"]] = getattr(self[node], slot)
        links = {link.name: link for link in self.children()}

        def through_its_link(node, apply, tensors):
            link = links.get(node["name"])
            return apply(*tensors) if link is None else link(apply, *tensors)

        return nodes(values, around=through_its_link)


def build(problem, tensors, nodes):
    """Return the problem as a Network, whose ``namedparams()`` are the problem's parameters."""
    return Network(problem, tensors, nodes)


def held(network):
    """What the chain holds now of its parameters and buffers, as arrays by the problem's names."""
    problem, _ = network.gradconform
    found = {}
    for entry in problem["parameters"] + problem["buffers"]:
        node, _, slot = entry["name"].rpartition(".")
        value = getattr(network[node], slot)
        found[entry["name"]] = getattr(value, "array", value)
    return found


class Identity(chainer.FunctionNode):
    """The identity with memory of its own, forward and backward; F.identity hands on the very arrays."""

    def forward(self, inputs):
        """A copy of what it is given."""
        return (inputs[0].copy(),)

    def backward(self, indexes, gradients):
        """A copy of the gradient that arrives."""
        return (chainer.Variable(gradients[0].array.copy()),)


def identity(x):
    """The same numbers in memory of their own, with a gradient of their own."""
    return Identity().apply((x,))[0]


def computed(values):
    """What the nodes of a network that crashed had computed, as arrays by name."""
    return {name: chainer.as_variable(value).array for name, value in values.items()}


def evaluate(network, problem, tensors):
    """The network's output at what ``tensors`` hold now; no graph is kept, and no operator writes into a buffer."""
    with chainer.no_backprop_mode():
        values = network({entry["name"]: chainer.Variable(tensors[entry["name"]]) for entry in problem["inputs"]})
    return values[problem["output"]].array
