"""PyTorch's script.py: what each step does, and that behaviours notice where it does something else."""

import pytest
from script_runs import drawn, honest, told_apart, twin
from selection import every_third

pytestmark = pytest.mark.process

FREED = (
    "RuntimeError: Trying to backward through the graph a second time (or directly access saved tensors after they "
    "have already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if you "
    "need to access saved tensors after calling backward."
)
NO_GRAPH = "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
# By hand, from torch's documentation; a nested list is what .grad or an output holds.
EXPECTED = {
    "accumulation.backward_twice grad/x": [4.0, 20.0],
    "accumulation.backward_twice_without_keeping grad/x": f"step 2 raises {FREED}",
    "accumulation.backward_twice_intermediate grad/h": [6.0, 30.0],
    "accumulation.clear_one_of_two grad/x": [1.0, 5.0],
    "accumulation.cleared_to_none_and_read grad/x": "none",
    "accumulation.cleared_to_zeros_and_read grad/x": [0.0, 0.0],
    "accumulation.fill_leaf grad/x": [9.0, 17.0],
    "changed_values.change_addend grad/w": [1.0, 5.0],
    "changed_values.set_then_forward output/y": [49.0, 4.0],
    "cotangents.undefined_for_scalar grad/x": [6.0, -2.0],
    "cut_graphs.no_grad_for_all grad/x": f"step 1 raises {NO_GRAPH}",
    "cut_graphs.no_grad_on_the_only_path grad/w": [6.0, -10.0],
    "cut_graphs.detach_the_only_path grad/x": "none: graph_cut at y",
    "cut_graphs.through_numpy_then_set grad/x": [14.0, 20.0],
    "functional.stored grad/x": "unsupported: torch.autograd.grad returns gradients and has no option to store them",
    "functional.kept grad/y": "unsupported: torch.autograd.grad returns gradients and has no option to keep them",
    "functional.in_both result/dz/x": [18.0, -6.0],
    "functional.in_both result/dz/y": [3.0, 3.0],
    "intermediates.intermediate grad/h": "none: not_retained",
    "intermediates.one_kept_of_two grad/h": [4.0, 20.0],
    "intermediates.one_kept_of_two grad/g": "none: not_retained",
    "without_path.zero_cotangent grad/x": [0.0, 0.0],
}
FUNCTIONAL = "torch.autograd.grad(output, inputs, torch.ones_like(output), retain_graph=keep_graph)"
# One line of script.py made wrong, and every ask whose answer tells it.
TWINS = {
    "a vector's cotangent made up": (
        ("tensor.backward(retain_graph=keep_graph)", "tensor.backward(torch.ones_like(tensor))"),
        {"cotangents.undefined_for_vector grad/x"},
    ),
    "ones for zeros": (
        ("torch.zeros_like(tensor), retain_graph", "torch.ones_like(tensor), retain_graph"),
        {"without_path.zero_cotangent grad/x"},
    ),
    "the graph always kept": (
        ("self.cotangent, retain_graph=keep_graph", "self.cotangent, retain_graph=True"),
        {
            "accumulation.backward_twice_without_keeping grad/x",
            "accumulation.backward_twice_deep_without_keeping grad/x",
        },
    ),
    "backward always from the output": (
        ("tensor = self.values[of]", "tensor = list(self.values.values())[-1]"),
        {
            "intermediates.backward_from_inner_node grad/x",
            "intermediates.two_outputs_in_turn grad/x",
            "intermediates.two_outputs_and_kept_intermediate grad/h",
            "intermediates.two_outputs_and_kept_intermediate grad/x",
        },
    ),
    "grad always of the output": (
        ("output, inputs = self.values[of]", "output, inputs = list(self.values.values())[-1]"),
        {"functional.y_in_x result/dy/x"},
    ),
    "the graph always kept by grad": (
        (FUNCTIONAL, FUNCTIONAL.replace("keep_graph)", "True)")),
        {"functional.asked_twice_without_keeping result/second/x", "functional.then_backward grad/x"},
    ),
    "unused tensors allowed": (
        (FUNCTIONAL, FUNCTIONAL.replace("keep_graph)", "keep_graph, allow_unused=True)")),
        {
            "functional.unreachable result/dy/spare",
            "functional.unreachable_beside_reachable result/dy/x",
            "functional.unreachable_beside_reachable result/dy/spare",
        },
    ),
    "not cleared to none": (
        ("tensor.grad = None", "pass"),
        {"accumulation.clear_to_none grad/x", "accumulation.cleared_to_none_and_read grad/x"},
    ),
    "not cleared to zeros": (
        ("tensor.grad.zero_()", "pass"),
        {
            "accumulation.clear_one_of_two grad/w",
            "accumulation.clear_to_zeros grad/x",
            "accumulation.cleared_to_zeros_and_read grad/x",
        },
    ),
    "not filled": (
        ("torch.full_like(self.values[tensor], value)", "None"),
        {
            "accumulation.fill_leaf grad/x",
            "accumulation.fill_leaf_nan grad/x",
            "accumulation.fill_intermediate grad/h",
            "accumulation.fill_intermediate_nan grad/h",
        },
    ),
    "changed behind autograd": (
        ("self.values[tensor].copy_(", "self.values[tensor].data.copy_("),
        {
            "changed_values.change_factor grad/w",
            "changed_values.change_output_of_relu grad/x",
            "changed_values.change_output_of_tanh grad/x",
            "changed_values.set_without_forward grad/x",
            "changed_values.set_without_forward output/y",
            "functional.set_before_asking result/dz/x",
        },
    ),
    "no_grad left out": (
        ('torch.no_grad() if node["name"] in self.no_grad else contextlib.nullcontext()', "contextlib.nullcontext()"),
        {
            "cut_graphs.no_grad_for_a_parameter grad/h.weight",
            "cut_graphs.no_grad_for_all grad/x",
            "cut_graphs.no_grad_for_one_of_two grad/x",
            "cut_graphs.no_grad_on_the_only_path grad/x",
            "cut_graphs.second_forward_no_grad grad/x",
        },
    ),
    "not detached": (
        ("return tensor.detach()\n", "return tensor\n"),
        {
            "cut_graphs.detach_everything grad/x",
            "cut_graphs.detach_one_of_two grad/x",
            "cut_graphs.detach_the_only_path grad/x",
            "cut_graphs.detached_then_set grad/x",
        },
    ),
    "not through NumPy": (
        ("tensor_of(array_of(tensor))", "tensor"),
        {"cut_graphs.through_numpy grad/x", "cut_graphs.through_numpy_then_set grad/x"},
    ),
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """Every behaviour's problem."""
    return drawn(tmp_path_factory.mktemp("problems"))


@pytest.fixture(scope="module")
def answers(problems, tmp_path_factory):
    """What the adapter as it is answers."""
    return honest("torch", problems, tmp_path_factory.mktemp("honest"))


@pytest.mark.parametrize("ask", EXPECTED)
def test_a_step_does_what_torch_calls_it(answers, ask):
    """Steps and their arguments, each by what it leaves."""
    assert answers[ask] == EXPECTED[ask]


@pytest.mark.parametrize("name", every_third(TWINS))
def test_a_step_translated_wrongly_is_told_by_its_behaviours_and_no_other(problems, answers, tmp_path, name):
    """No line of the translation is beyond what behaviours can see."""
    change, telling = TWINS[name]
    assert told_apart(answers, twin("torch", problems, tmp_path, change)) == telling
