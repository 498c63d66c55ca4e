"""The shipped behaviours run by an adapter's script.py, or by a copy of it with lines changed."""

import shutil

from gradconform import paths
from gradconform.capture import adapters
from gradconform.capture import worker as running
from gradconform.contract import read_capture
from gradconform.draw.problem import draw_problem
from gradconform.spec import load


def drawn(where):
    """The problem of every shipped behaviour by its name, less those that hold printed results."""
    files = sorted((paths.specs_folder() / "semantics").glob("*.yaml"))
    networks = [network for file in files for network in load(file) if not network.claims]
    return {n.name: draw_problem(n, where / n.name, dtype="float32", values="drawn") for n in networks}


def answers(adapter, problems, where):
    """What every ask came to, by `<behaviour> <ask>`: numbers as nested lists, or words."""
    tasks = [running.Task(p.folder, where / name, p.digest) for name, p in problems.items()]
    running.capture(adapter, tasks, job_folder=where / "job")
    found = {}
    for name, each in problems.items():
        capture = read_capture(where / name, each)
        assert capture.status in ("ok", "unsupported"), f"{name}: {capture.reason}"
        if capture.status == "unsupported":
            found.update((f"{name} {ask}", f"unsupported: {capture.reason}") for ask in each.asks)
        for i, answer in enumerate(capture.asked):
            found[f"{name} {answer.ask}"] = _answer(capture, answer, f"ask/{i}")
    return found


def _answer(capture, answer, key):
    if answer.outcome == "value":
        return capture.tensors[key].tolist()
    if answer.outcome == "raises":
        return f"step {answer.step} raises {answer.error}"
    return ": ".join([answer.outcome, *filter(None, [said(answer)])])


def said(answer):
    """Reason and place of an ask, as `graph_cut at h`; empty where there is none."""
    return " at ".join([answer.reason, *filter(None, [" ".join(answer.nodes)])]) if answer.reason else ""


def honest(framework, problems, where):
    """The answers of the adapter as it is."""
    return answers(adapters.find(framework), problems, where)


def twin(framework, problems, where, *changes):
    """The answers of a copied adapter in whose script.py texts, each there once, became others."""
    folder = where / framework
    shutil.copytree(paths.adapters_folder() / framework, folder, ignore=shutil.ignore_patterns("__pycache__"))
    script = folder / "script.py"
    text = script.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"script.py has {old!r} {text.count(old)} times"
        text = text.replace(old, new)
    script.write_text(text, encoding="utf-8")
    return answers(adapters.find(str(folder)), problems, where / "captures")


def told_apart(answers, others):
    """The asks that two adapters answer differently; compared as they print, for NaN differs from itself."""
    assert answers.keys() == others.keys()
    return {ask for ask in answers if repr(answers[ask]) != repr(others[ask])}
