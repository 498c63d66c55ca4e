"""Hooks for a user's own code: each is used in a ``with`` statement and holds afterwards what it saw."""

import chainer


class ArrivingGradients(chainer.FunctionHook):
    """Copies each gradient of a function's output, as it arrives at the function in backward.

    A variable read by several functions gets its gradient in parts. Chainer comes to the function that made the
    variable when all its readers are done, so here the sum is complete. Neither sooner nor later will do: the
    function's own backward, and any later one that was handed the same array, may write into it.
    """

    name = "arriving gradients"

    def __init__(self):
        # By ``variable.node``, since of the variables themselves a function knows nothing.
        self.arrived = {}

    def backward_preprocess(self, function, in_data, out_grad):
        for reference, gradient in zip(function.outputs, out_grad):
            node = reference()
            if node is not None and gradient is not None:
                self.arrived[node] = gradient.copy()


class LinkOutputs(chainer.LinkHook):
    """Keeps what each link returned, by the link's name in its chain."""

    name = "link outputs"

    def __init__(self):
        self.returned = {}

    def forward_postprocess(self, args):
        self.returned[args.link.name] = args.out if isinstance(args.out, tuple) else (args.out,)
