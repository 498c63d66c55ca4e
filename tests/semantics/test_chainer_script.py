"""Chainer's script.py: what each step does, and that behaviours notice where it does something else."""

import pytest
from script_runs import drawn, honest, told_apart, twin
from selection import every_third

pytestmark = pytest.mark.process

# By hand, from Chainer's documentation; a nested list is what a gradient or an output holds.
EXPECTED = {
    "accumulation.backward_twice grad/x": [4.0, 20.0],
    "accumulation.backward_twice_without_keeping grad/x": [12.0, -20.0],
    "accumulation.backward_twice_intermediate grad/h": [3.0, 15.0],
    "accumulation.clear_one_of_two grad/x": [0.0, 0.0],
    "accumulation.cleared_to_none_and_read grad/x": "none",
    "accumulation.cleared_to_zeros_and_read grad/x": [0.0, 0.0],
    "accumulation.fill_leaf grad/x": [9.0, 17.0],
    "changed_values.change_addend grad/w": [1.0, 5.0],
    "changed_values.change_factor grad/w": [7.0, 15.0],
    "changed_values.set_then_forward output/y": [49.0, 4.0],
    "cotangents.undefined_for_scalar grad/x": [6.0, -2.0],
    "cut_graphs.no_grad_for_all grad/x": "none: graph_cut at h",
    "cut_graphs.no_grad_on_the_only_path grad/w": [6.0, -10.0],
    "cut_graphs.detach_the_only_path grad/x": "none: graph_cut at h",
    "cut_graphs.through_numpy_then_set grad/x": [14.0, 20.0],
    "functional.stored grad/x": [18.0, -6.0],
    "functional.kept grad/y": [3.0, 3.0],
    "functional.kept grad/x": "none: uninitialised",
    "functional.in_both result/dz/x": [18.0, -6.0],
    "functional.in_both result/dz/y": [3.0, 3.0],
    "functional.unreachable result/dy/spare": "none: not_on_path",
    "intermediates.intermediate grad/h": "none: not_retained",
    "intermediates.one_kept_of_two grad/h": [4.0, 20.0],
    "without_path.gradient_not_requested grad/fixed": "none: not_requested",
    "without_path.zero_cotangent grad/x": [0.0, 0.0],
}
# One or two lines of script.py made wrong, and every ask whose answer tells it.
TWINS = {
    "every input differentiated": (
        [
            ('requires_grad=e["grad"]', "requires_grad=True"),
        ],
        {
            "without_path.gradient_not_requested grad/fixed",
        },
    ),
    "parameters unlike those of links": (
        [
            ('chainer.Parameter(tensors[e["name"]], e["shape"])', 'chainer.Parameter(tensors[e["name"]])'),
        ],
        {
            "accumulation.new_parameter grad/y.weight",
            "without_path.unused_parameter grad/aside.weight",
        },
    ),
    "ones for zeros": (
        [
            ("output.grad = np.zeros_like(output.array)", "output.grad = np.ones_like(output.array)"),
        ],
        {
            "without_path.zero_cotangent grad/x",
        },
    ),
    "nothing kept": (
        [
            ("output.backward(retain_grad=self.retain_grad)", "output.backward()"),
        ],
        {
            "accumulation.backward_twice_intermediate grad/h",
            "accumulation.fill_intermediate grad/h",
            "accumulation.fill_intermediate_nan grad/h",
            "cotangents.kept_gradient_of_the_output grad/y",
            "intermediates.kept_intermediate grad/h",
            "intermediates.one_kept_of_two grad/g",
            "intermediates.one_kept_of_two grad/h",
            "intermediates.two_outputs_and_kept_intermediate grad/h",
            "sharing.shared_intermediate grad/h",
        },
    ),
    "backward always from the output": (
        [
            ("output = self.values[of]\n", "output = list(self.values.values())[-1]\n"),
        ],
        {
            "intermediates.backward_from_inner_node grad/x",
            "intermediates.two_outputs_and_kept_intermediate grad/x",
            "intermediates.two_outputs_in_turn grad/x",
        },
    ),
    "grad always of the output": (
        [
            ("output, inputs = self.values[of]", "output, inputs = list(self.values.values())[-1]"),
        ],
        {
            "functional.y_in_x result/dy/x",
        },
    ),
    "nothing stored by grad": (
        [
            ("set_grad=store", "set_grad=False"),
        ],
        {
            "functional.stored grad/x",
            "functional.stored_over_numbers grad/x",
        },
    ),
    "nothing kept by grad": (
        [
            ("retain_grad=keep)", "retain_grad=False)"),
        ],
        {
            "functional.kept grad/y",
        },
    ),
    "zeros for none": (
        [
            (".cleargrad()", ".zerograd()  # "),
        ],
        {
            "accumulation.cleared_to_none_and_read grad/x",
        },
    ),
    "none for zeros": (
        [
            (".zerograd()\n", ".cleargrad()\n"),
        ],
        {
            "accumulation.clear_one_of_two grad/w",
            "accumulation.clear_one_of_two grad/x",
            "accumulation.cleared_to_zeros_and_read grad/x",
            "cut_graphs.no_grad_for_a_parameter grad/h.weight",
            "without_path.unused_parameter_cleared grad/aside.weight",
        },
    ),
    "not filled": (
        [
            ("np.full_like(self.values[tensor].array, value)", "None"),
        ],
        {
            "accumulation.fill_leaf grad/x",
            "accumulation.fill_leaf_nan grad/x",
        },
    ),
    "not changed": (
        [
            (".array[...] = value", ".array"),
        ],
        {
            "changed_values.change_factor grad/w",
            "changed_values.change_output_of_relu grad/x",
            "changed_values.change_output_of_tanh grad/x",
            "changed_values.old_gradient_after_second_forward output/h",
            "changed_values.set_then_forward grad/x",
            "changed_values.set_then_forward output/y",
            "changed_values.set_without_forward grad/x",
            "cut_graphs.detached_then_set grad/x",
            "cut_graphs.detached_then_set output/y",
            "cut_graphs.through_numpy_then_set grad/x",
            "cut_graphs.through_numpy_then_set output/y",
            "functional.set_before_asking result/dz/x",
        },
    ),
    "no_grad left out": (
        [
            ('node["name"] not in self.no_grad', "True"),
        ],
        {
            "cut_graphs.no_grad_for_a_parameter grad/h.weight",
            "cut_graphs.no_grad_for_all grad/x",
            "cut_graphs.no_grad_for_one_of_two grad/x",
            "cut_graphs.no_grad_on_the_only_path grad/x",
            "cut_graphs.second_forward_no_grad grad/x",
        },
    ),
    "not detached": (
        [
            ("variable.unchain()", "pass"),
        ],
        {
            "cut_graphs.detach_everything grad/x",
            "cut_graphs.detach_one_of_two grad/x",
            "cut_graphs.detach_the_only_path grad/x",
            "cut_graphs.detached_then_set grad/x",
        },
    ),
    "not through NumPy": (
        [
            ("return chainer.Variable(variable.array)", "return variable"),
        ],
        {
            "cut_graphs.through_numpy grad/x",
            "cut_graphs.through_numpy_then_set grad/x",
        },
    ),
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory):
    """Every behaviour's problem."""
    return drawn(tmp_path_factory.mktemp("problems"))


@pytest.fixture(scope="module")
def answers(problems, tmp_path_factory):
    """What the adapter as it is answers."""
    return honest("chainer", problems, tmp_path_factory.mktemp("honest"))


@pytest.mark.parametrize("ask", EXPECTED)
def test_a_step_does_what_chainer_calls_it(answers, ask):
    """Steps and their arguments, each by what it leaves."""
    assert answers[ask] == EXPECTED[ask]


@pytest.mark.parametrize("name", every_third(TWINS))
def test_a_step_translated_wrongly_is_told_by_its_behaviours_and_no_other(problems, answers, tmp_path, name):
    """No line of the translation is beyond what behaviours can see."""
    changes, telling = TWINS[name]
    assert told_apart(answers, twin("chainer", problems, tmp_path, *changes)) == telling
