"""What an honest forward gives at the points of a problem, and what is judged from it."""

from __future__ import annotations

import numpy as np
from gradconform.contract import read_capture
from gradconform.numeric import plan, point, probes
from gradconform.numeric.rows import rows
from honest import computed, write_capture


def answered(problem, chosen, noise=0.0):
    """f at every point, rounded to the dtype as a loss is. noise: relative, drawn."""
    reference = point.Reference(problem)
    found = [reference.at(chosen, d, step).f for d in chosen.directions for step in d.steps]
    found = np.array(found) * (1 + noise * np.random.default_rng(3).standard_normal(len(found)))
    return found.astype(problem.dtype).astype(float)


def judged(problem, folder, spoil=None, noise=0.0, **options):
    """The numerical rows, by tensor. spoil: changes the gradients of an honest capture."""
    tensors = computed(problem)
    if spoil:
        tensors.update({name: spoil(name, g) for name, g in tensors.items() if name.startswith("grad/")})
    chosen = plan.plan(problem, **options)
    probes.write(problem.folder / "numeric", chosen)
    capture = write_capture(problem, folder / "capture", tensors)
    asked = np.frombuffer(probes.read(problem.folder / "numeric", problem).asked, np.uint8)
    found = {probes.VALUES: answered(problem, chosen, noise), probes.ASKED: asked}
    write_capture(problem, capture / "numeric", found)
    return {row.tensor: row for row in rows(problem, read_capture(capture, problem), problem.folder)}
