"""NNabla's script.py: what each step does, and that behaviours notice where it does something else."""

import pytest
from script_runs import drawn, honest, told_apart, twin
from selection import every_third

pytestmark = pytest.mark.process

# By hand, from NNabla's documentation; a nested list is what a gradient or an output holds.
EXPECTED = {
    "accumulation.backward_twice grad/x": [4.0, 20.0],
    "accumulation.backward_twice_without_keeping grad/x": [12.0, -20.0],
    "accumulation.backward_twice_intermediate grad/h": [3.0, 15.0],
    "accumulation.clear_one_of_two grad/x": [1.0, 5.0],
    "accumulation.cleared_to_none_and_read grad/x": [0.0, 0.0],
    "accumulation.cleared_to_zeros_and_read grad/x": [0.0, 0.0],
    "accumulation.fill_leaf grad/x": [9.0, 17.0],
    "changed_values.change_addend grad/w": [1.0, 5.0],
    "changed_values.change_factor grad/w": [7.0, 15.0],
    "changed_values.set_then_forward output/y": [49.0, 4.0],
    "cotangents.undefined_for_scalar grad/x": [6.0, -2.0],
    "cut_graphs.no_grad_for_all grad/x": [6.0, 30.0],
    "cut_graphs.no_grad_on_the_only_path grad/w": [6.0, -10.0],
    "cut_graphs.detach_the_only_path grad/x": [0.0, 0.0],
    "cut_graphs.through_numpy_then_set grad/x": [6.0, -10.0],
    "functional.stored grad/x": [18.0, -6.0],
    "functional.kept grad/y": "unsupported: nnabla.grad has no option to keep the gradients of intermediates",
    "functional.in_both result/dz/x": [18.0, -6.0],
    "functional.in_both result/dz/y": [3.0, 3.0],
    "functional.unreachable result/dy/spare": 0.0,
    "accumulation.backward_twice_deep_without_keeping grad/x": [324.0, -220.0],
    "intermediates.intermediate grad/h": "none: buffer_reused",
    "intermediates.intermediate_of_kept_graph grad/h": [3.0, 15.0],
    "intermediates.output_after_backward output/h": "none: buffer_reused",
    "intermediates.one_kept_of_two grad/h": [4.0, 20.0],
    "without_path.gradient_not_requested grad/fixed": [0.0, 0.0],
    "without_path.zero_cotangent grad/x": [0.0, 0.0],
    "cut_graphs.no_grad_for_a_parameter grad/h.weight": [[0.0, 0.0], [0.0, 0.0]],
}
# One or two lines of script.py made wrong, and every ask whose answer tells it.
TWINS = {
    "a graph for each forward": (
        [
            ("if self.built != (no_grad, detach, through_numpy):", "if True:"),
        ],
        {
            "changed_values.old_gradient_after_second_forward grad/h",
            "cut_graphs.through_numpy_then_set grad/x",
            "cut_graphs.through_numpy_then_set output/y",
        },
    ),
    "a cotangent where there is none": (
        [
            ("output.backward(clear_buffer", "output.backward(self.cotangent, clear_buffer"),
        ],
        {
            "cotangents.undefined_for_one_element grad/x",
            "cotangents.undefined_for_scalar grad/x",
            "cotangents.undefined_for_vector grad/x",
        },
    ),
    "the cotangent for zeros": (
        [
            ("np.zeros(output.shape, np.float32)\n", "self.cotangent\n"),
        ],
        {
            "without_path.zero_cotangent grad/x",
        },
    ),
    "buffers never given away": (
        [
            ("output.backward(seed, clear_buffer=not keep_graph)", "output.backward(seed)"),
        ],
        {
            "accumulation.backward_twice_deep_without_keeping grad/x",
            "intermediates.intermediate grad/h",
            "intermediates.one_kept_of_two grad/g",
            "intermediates.output_after_backward output/h",
        },
    ),
    "buffers that were given away read as numbers": (
        [
            (".clear_called:", ".clear_called and False:"),
        ],
        {
            "intermediates.intermediate grad/h",
            "intermediates.one_kept_of_two grad/g",
            "intermediates.output_after_backward output/h",
        },
    ),
    "nothing kept": (
        [
            ("self.values[name].persistent = True", "pass"),
        ],
        {
            "accumulation.backward_twice_intermediate grad/h",
            "accumulation.fill_intermediate grad/h",
            "accumulation.fill_intermediate_nan grad/h",
            "changed_values.old_gradient_after_second_forward grad/h",
            "intermediates.kept_intermediate grad/h",
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
            ("bind_grad_output=store", "bind_grad_output=False"),
        ],
        {
            "functional.stored grad/x",
            "functional.stored_over_numbers grad/x",
        },
    ),
    "keeping by grad passed over": (
        [
            ("if keep:", "if False:"),
        ],
        {
            "functional.kept grad/x",
            "functional.kept grad/y",
        },
    ),
    "not cleared": (
        [
            (".grad.zero()", ".grad"),
        ],
        {
            "accumulation.clear_one_of_two grad/w",
            "accumulation.clear_to_none grad/x",
            "accumulation.clear_to_zeros grad/x",
            "accumulation.cleared_to_none_and_read grad/x",
            "accumulation.cleared_to_zeros_and_read grad/x",
        },
    ),
    "not filled": (
        [
            (".grad.fill(value)", ".grad"),
        ],
        {
            "accumulation.fill_leaf grad/x",
            "accumulation.fill_leaf_nan grad/x",
        },
    ),
    "not changed": (
        [
            (".d = value", ".d"),
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
            "cut_graphs.through_numpy_then_set output/y",
            "functional.set_before_asking result/dz/x",
        },
    ),
    "no_grad left out": (
        [
            ('nn.no_grad() if node["name"] in self.no_grad else contextlib.nullcontext()', "contextlib.nullcontext()"),
        ],
        {
            "cut_graphs.no_grad_for_a_parameter grad/h.weight",
        },
    ),
    "parameters not fetched where they are used": (
        [
            ("return network.register(name, variable, variable.need_grad)", "return variable"),
        ],
        {
            "cut_graphs.no_grad_for_a_parameter grad/h.weight",
        },
    ),
    "not detached": (
        [
            ("return variable.get_unlinked_variable(need_grad=False)", "return variable"),
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
            ("return nn.Variable.from_numpy_array(variable.d)", "return variable"),
        ],
        {
            "cut_graphs.through_numpy grad/x",
            "cut_graphs.through_numpy_then_set grad/x",
            "cut_graphs.through_numpy_then_set output/y",
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
    return honest("nnabla", problems, tmp_path_factory.mktemp("honest"))


@pytest.mark.parametrize("ask", EXPECTED)
def test_a_step_does_what_nnabla_calls_it(answers, ask):
    """Steps and their arguments, each by what it leaves."""
    assert answers[ask] == EXPECTED[ask]


@pytest.mark.parametrize("name", every_third(TWINS))
def test_a_step_translated_wrongly_is_told_by_its_behaviours_and_no_other(problems, answers, tmp_path, name):
    """No line of the translation is beyond what behaviours can see."""
    changes, telling = TWINS[name]
    assert told_apart(answers, twin("nnabla", problems, tmp_path, *changes)) == telling
