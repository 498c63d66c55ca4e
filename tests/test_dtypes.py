"""Each figure of a dtype against what NumPy and ml_dtypes say of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from gradconform import dtypes
from gradconform.contract import ContractError
from gradconform.dtypes import ALL, BFLOAT16, FLOAT16, FLOAT32, FLOAT64, HALF, INT64, USUAL, Dtype, held
from gradconform.numeric.scales import SCALES, check_dtypes
from safetensors.numpy import save

FLOATS = [dtype for dtype in ALL if dtype.is_float]
every_dtype = pytest.mark.parametrize("dtype", ALL, ids=lambda dtype: dtype.name)
every_float = pytest.mark.parametrize("dtype", FLOATS, ids=lambda dtype: dtype.name)


def objections(dtype: Dtype) -> list[str]:
    """The figures of a float dtype that ml_dtypes' finfo, which knows NumPy's too, does not bear out."""
    info = ml_dtypes.finfo(Dtype.of(dtype.name).numpy)
    expected = {
        "roundoff": float(info.eps) / 2,
        "tiny": float(info.smallest_normal),
        "smallest": float(info.smallest_subnormal),
        "largest": float(info.max),
    }
    return [name for name, value in expected.items() if getattr(dtype, name) != value]


@every_float
def test_every_figure_is_that_of_finfo(dtype):
    """Roundoff, smallest normal and subnormal number, largest number."""
    assert objections(dtype) == []


@every_float
@pytest.mark.parametrize("wrong", ["significand", "exponent"])
def test_a_wrong_format_is_noticed(dtype, wrong):
    """The twin: one bit less of significand or a smaller exponent."""
    assert objections(replace(dtype, **{wrong: getattr(dtype, wrong) - 1}))


def test_integers_have_no_roundoff():
    """int64 ends at 2**63, and every integer is a number of it."""
    assert (INT64.roundoff, INT64.largest, INT64.is_float) == (0.0, float(np.iinfo(np.int64).max), False)


def reads_back(dtype: Dtype, digits: int) -> bool:
    """Whether numbers of every size, written with so many digits, come back as themselves."""
    rng = np.random.default_rng(4)
    with np.errstate(over="ignore"):
        numbers = (rng.uniform(1, 2, 20_000) * 2.0 ** rng.integers(-12, 12, 20_000)).astype(dtype.numpy)
        texts = [f"{float(x):.{digits}g}" for x in numbers]
        return bool(np.all(np.array([float(text) for text in texts]).astype(dtype.numpy) == numbers))


@every_float
def test_so_many_digits_read_back(dtype):
    """A number printed with `digits` is told apart from its neighbours."""
    assert reads_back(dtype, dtype.digits)


@every_float
def test_one_digit_less_does_not(dtype):
    """The twin: the digits are as few as can be."""
    assert not reads_back(dtype, dtype.digits - 1)


@pytest.mark.parametrize(
    ("dtype", "text"), [(FLOAT32, "0.100000001"), (FLOAT64, "0.10000000149011612"), (BFLOAT16, "0.1")]
)
def test_a_number_in_text_has_the_digits_of_its_dtype(dtype, text):
    """The float32 nearest to 0.1; a float64 in the fewest digits that read back."""
    assert dtype.text(float(np.float32(0.1))) == text
    assert FLOAT64.text(0.1) == "0.1"


@every_dtype
def test_safetensors_stores_it_by_its_word(dtype):
    """The word in the header of a file that has an array of this dtype."""
    if dtype == BFLOAT16:
        # safetensors for NumPy takes no bfloat16; the word is that of its format.
        assert dtype.stored == "BF16"
        return
    assert f'"dtype":"{dtype.stored}"'.encode() in save({"x": np.zeros(1, dtype.numpy)})


@every_dtype
def test_an_array_of_it_is_known_for_what_it_is(dtype):
    """NumPy has no kind for bfloat16 but that of foreign dtypes; integers and truth values are no floats."""
    array = np.ones(2, dtype.numpy)
    assert dtypes.is_float(array) is dtype.is_float
    assert dtypes.wide(array).dtype == (np.float64 if dtype.is_float else array.dtype)
    assert array.dtype.name == dtype.name


@pytest.mark.parametrize("array", [np.ones(1, bool), np.ones(1, "U2"), np.ones(1, "V2"), np.ones(1, complex)])
def test_other_arrays_are_no_floats(array):
    """The twin: raw bytes have the kind that NumPy gives bfloat16, and are none."""
    assert not dtypes.is_float(array)


@pytest.mark.parametrize(
    ("names", "narrow"),
    [
        (("float32", "float64"), FLOAT32),
        (("float64",), FLOAT64),
        (("bfloat16", "float16"), FLOAT16),
        (("bfloat16", "float32"), BFLOAT16),
    ],
)
def test_the_narrowest_has_the_smallest_largest_number(names, narrow):
    """By the alphabet bfloat16 would come before float16, which overflows at 65,520."""
    assert dtypes.narrowest(names) == narrow
    assert dtypes.narrowest(reversed(names)) == narrow


@pytest.mark.parametrize("dtype", [FLOAT16, BFLOAT16])
def test_half_precision_is_summed_in_single(dtype):
    """Frameworks keep partial sums of halves in float32, and those of wider dtypes in the dtype itself."""
    assert dtype.accumulates_in == FLOAT32
    assert [wider.accumulates_in for wider in USUAL] == list(USUAL)


def test_a_name_that_is_none_is_refused():
    """The message has the name and what there is; what crashed before it had a dtype has none."""
    with pytest.raises(ValueError, match=r"'float8'; expected float16, bfloat16, float32, float64, int64"):
        Dtype.of("float8")
    assert dtypes.known("float32") is FLOAT32
    assert dtypes.known("") is None
    assert dtypes.known("int64") is None, "it is defined and not under test"


def test_numerical_derivatives_have_a_scale_for_each_usual_dtype():
    """One for each and none besides: in half precision none are taken, and who asks for them is told."""
    assert set(SCALES) == {dtype.name for dtype in USUAL}
    check_dtypes(SCALES)
    with pytest.raises(ContractError, match="derivatives in float16: expected one of float32, float64"):
        check_dtypes(["float32", "float16"])


@pytest.mark.parametrize(("dtype", "smallest"), [(FLOAT16, 2.0**-24), (BFLOAT16, 2.0**-126), (FLOAT32, 2.0**-126)])
def test_what_underflow_takes(dtype, smallest):
    """Conversion to float16 rounds gradually in every mode of a processor; other dtypes may flush subnormals."""
    assert dtype.underflow == smallest


@pytest.mark.parametrize("dtype", HALF)
def test_numbers_that_are_held_are_finite(dtype):
    """The nearest number that the dtype has; what is infinite or NaN stays so."""
    given = [1e300, -1e300, 10**40, np.inf, -np.inf, np.nan, 0.3]
    largest = dtype.largest
    expected = [largest, -largest, min(1e40, largest), np.inf, -np.inf, np.nan, float(np.array(0.3, dtype.numpy))]
    found = held(given, dtype)
    assert found.dtype == dtype.numpy
    np.testing.assert_array_equal(found.astype(float), np.array(expected, dtype.numpy).astype(float))


@pytest.mark.process
def test_the_dtypes_cost_no_import_of_numpy():
    """The plugin reads them at every start of pytest."""
    done = "import sys, gradconform.dtypes; sys.exit('numpy' in sys.modules or 'ml_dtypes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", done], check=False).returncode == 0
