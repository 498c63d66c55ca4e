"""Run a script over a network: each step by a method of the adapter's ``Script``, then each ask.

``adapters/<framework>/script.py`` holds ``class Script`` with one method per step, called with the step's arguments
by keyword (``in`` is called ``wrt`` there, ``as`` is called ``name``), and ``read(ask)``.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Dict, Mapping, Sequence

Problem = Mapping[str, Any]
Record = Dict[str, Any]

# Words of the steps that Python keeps for itself.
RENAMED = {"in": "wrt", "as": "name"}


def run(modules: Any, problem: Problem, tensors: Mapping[str, Any], nodes: Any) -> tuple[dict[str, Any], list[Record]]:
    """Return the arrays that were asked for, as ``ask/<i>``, and what became of each ask."""
    script = load(modules)(problem, tensors, nodes)
    at, error = steps(script, problem)
    traces = Traces(script, problem, nodes.lineage, at)
    values: dict[str, Any] = {}
    asked: list[Record] = []
    for i, ask in enumerate(problem["asks"]):
        array, record = None, answer(ask, "raises", step=at, error=error)
        if error is None:
            array, record = read(script, ask)
        if record["reason"] is None:
            record.update(traces.why(ask, record["outcome"], array))
        asked.append(record)
        if record["outcome"] == "value":
            values["ask/%d" % i] = array
    return values, asked


def missing(asked: Sequence[Record], lineage: Any) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Reasons and places, both by tensor, of the missing gradients that a script asked for, where there is advice."""
    reasons = {}
    for record in asked:
        name = record["ask"].partition("/")[2]
        # What no backward came to lacks a backward. What is on no path from where backward began may be on one from
        # the output, of which the advice speaks.
        apart = record["reason"] == "not_on_path" and name in lineage.on_path
        if record["ask"].startswith("grad/") and record["reason"] not in (None, "uninitialised") and not apart:
            reasons[record["ask"]] = record
    cuts = {tensor: record["nodes"] for tensor, record in reasons.items()}
    return {tensor: record["reason"] for tensor, record in reasons.items()}, cuts


def load(modules: Any) -> Any:
    """The class ``Script`` of an adapter, from the package that the adapter's other files are in."""
    package, _, _ = modules.adapter.__name__.rpartition(".")
    name = package + ".script"
    if importlib.util.find_spec(name) is None:
        raise NotImplementedError("this adapter has no script.py, which runs the steps of a behaviour")
    return importlib.import_module(name).Script


def steps(script: Any, problem: Problem) -> tuple[int | None, str | None]:
    """Run every step; return the index and the error of the one that raised, or two times None."""
    for i, step in enumerate(problem["script"]):
        arguments = {RENAMED.get(key, key): value for key, value in step.items() if key != "do"}
        if step["do"] == "fill":
            # JSON has no NaN, so it comes as a word.
            arguments["value"] = float(arguments["value"])
        try:
            getattr(script, step["do"])(**arguments)
        except NotImplementedError:
            raise
        except Exception as error:
            return i, first_line(error)
    return None, None


def read(script: Any, ask: str) -> tuple[Any, Record]:
    """The array that an ask is of, or None, and the entry of ``asked`` about it."""
    try:
        found = script.read(ask)
    except NotImplementedError:
        raise
    except Exception as error:
        return None, answer(ask, "raises", error=first_line(error))
    array, reason = found if isinstance(found, tuple) else (found, None)
    return array, answer(ask, "none" if array is None else "value", reason=reason)


def answer(
    ask: str, outcome: str, step: int | None = None, error: str | None = None, reason: str | None = None
) -> Record:
    """An entry of ``asked`` in capture.json."""
    return {"ask": ask, "outcome": outcome, "step": step, "error": error, "reason": reason, "nodes": []}


def first_line(error: Exception) -> str:
    """Type and first line of what an exception says."""
    lines = str(error).strip().splitlines() or ["without a message"]
    return "%s: %s" % (type(error).__name__, lines[0])


class Traces:
    """What a script did to gradients, step by step: with the framework's graph it tells why one is not there.

    script: the adapter's, after its steps; one without ``explain`` gives no reasons.
    raised: the index of the step that raised, or None.
    """

    # By the framework's graph a gradient came through, so they hold only where some backward was run.
    PASSED = ("not_retained", "not_differentiable")

    def __init__(self, script: Any, problem: Problem, lineage: Any, raised: int | None) -> None:
        self.explain: Any = getattr(script, "explain", None)
        self.problem, self.lineage = problem, lineage
        self.done = problem["script"][: None if raised is None else raised + 1]
        forwards = [i for i, step in enumerate(self.done) if step["do"] == "forward"]
        self.forward = max(forwards, default=-1)
        if not forwards or self.forward == raised:
            # There is no graph to look at.
            self.explain = None

    def why(self, ask: str, outcome: str, array: Any) -> Record:
        """``reason`` and ``nodes`` of an ask without a gradient; empty where there is one, or nothing to say.

        A buffer that no gradient came to counts as none.
        """
        kind, _, name = ask.partition("/")
        if self.explain is None or kind == "output" or (array is not None and _written(array)):
            return {}
        reason = self._result(name) if kind == "result" else self._stored(name, outcome, array)
        if reason is None:
            return {}
        return {"reason": reason[0], "nodes": list(reason[1:])} if isinstance(reason, tuple) else {"reason": reason}

    def _result(self, ask: str) -> Any:
        """Why a ``grad`` step returned nothing; None where a later forward has taken its graph away."""
        result, _, name = ask.partition("/")
        for i, step in enumerate(self.problem["script"]):
            if step["do"] == "grad" and step["as"] == result and i > self.forward:
                return self._cut(name, step["of"])[0]
        return None

    def _stored(self, name: str, outcome: str, array: Any) -> Any:
        """Why nothing is stored as the gradient of a tensor; None where that cannot be told."""
        writers = [(i, step["of"]) for i, step in enumerate(self.done) if self._writes(step, name)]
        late = [of for i, of in writers if i > self.forward]
        filled = [i for i, step in enumerate(self.done) if step["do"] == "fill" and step["tensor"] == name]
        cleared = [i for i, step in enumerate(self.done) if step["do"] == "clear" and name in step["tensors"]]
        if array is not None and (len(late) < len(writers) or filled):
            # Numbers that an earlier graph or the script itself put there.
            return None
        found = [self._cut(name, of) for of in late or [self.problem["output"]]]
        cuts = [cut for cut, _ in found]
        if None not in cuts:
            # Of several backward passes the one that leads here and is cut says more than one that does not.
            return next((cut for cut in cuts if isinstance(cut, tuple)), cuts[-1])
        if outcome == "raises" or (writers and max(cleared, default=-1) > writers[-1][0]):
            return None
        if not late:
            return None if writers and name not in self.lineage.reads else "uninitialised"
        return None if array is not None else next((passed for _, passed in found if passed is not None), None)

    def _cut(self, name: str, of: str) -> tuple[Any, Any]:
        """Why no gradient can come to a tensor from a node; and why it would not stay, where one can."""
        reason = self.explain(type(self.lineage)(dict(self.problem, output=of)), name)
        return (None, reason) if reason in self.PASSED else (reason, None)

    def _writes(self, step: Mapping[str, Any], name: str) -> bool:
        """Whether a step may store a gradient of a tensor."""
        if step["do"] == "grad":
            return bool(name in self.lineage.reads if step["keep"] else step["store"] and name in step["in"])
        return bool(step["do"] == "backward")


def _written(array: Any) -> bool:
    """Whether a gradient holds numbers: a framework may start a buffer with zeros, or with NaN."""
    return bool((array[array == array] != 0).any())
