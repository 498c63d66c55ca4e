"""Where NNabla cannot take a tensor without elements: no exception says so, the process dies."""

# Killed by SIGFPE, replication_pad by SIGSEGV, whichever extent is zero (seen in NNabla 1.39). Other operators take an
# empty tensor or refuse it with an exception, and some die where one axis of several is empty: those rows say so.
DIES = frozenset(
    [
        "batch_norm",
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "crelu",
        "cross_entropy",
        "cumprod",
        "cumsum",
        "gather",
        "group_norm",
        "instance_norm",
        "l1_loss",
        "layer_norm",
        "log_softmax",
        "mse_loss",
        "nll_loss",
        "replication_pad",
        "softmax",
        "tril",
        "triu",
        "where",
    ]
)


def refuse(problem, lineage):
    """Raise NotImplementedError where a node of the problem would kill the process."""
    for node in problem["nodes"] if lineage.empty else ():
        if node["op"] in DIES and lineage.at_nothing(node):
            raise NotImplementedError(
                "node '%s' (%s): an empty tensor kills NNabla's process here" % (node["name"], node["op"])
            )
