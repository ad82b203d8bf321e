"""The shared checks: what passes comes back ready to compute with, the rest is named."""

import numpy as np
import pytest

from course_lib import _validation as validation

INTEGER = "n: expected an integer of at least 1, got "
NONNEGATIVE = "n: expected an integer of at least 0, got "
POSITIVE = "x: expected a finite number above 0, got "
UNIT = "x: expected a number between 0 and 1, got "
FINITE = "x: expected a finite number, got "

BAD_CALLS = [
    (validation.as_array, ([], "X"), ValueError, r"X: expected at least one value, got shape \(0,"),
    (validation.as_vector, ([[1]], "x"), ValueError, r"x: expected a 1-D array of numbers, got sh"),
    (validation.as_matrix, ([1, 2], "X"), ValueError, r"X: expected a 2-D .*, got shape \(2,\)"),
    (validation.as_matrix, ([[1, 2], [3]], "X"), ValueError, "X: expected rows of equal length"),
    (validation.as_matrix, ([["a"]], "X"), TypeError, "X: expected a 2-D .*, got strings"),
    (validation.as_matrix, ([[np.nan]], "X"), ValueError, "X: expected finite numbers, got nan"),
    (validation.as_labels, ([0.5], "y"), ValueError, "y: expected labels .*, got the number 0.5"),
    (validation.as_label, ([1], "positive"), ValueError, r"positive: expected one label, got shap"),
    (validation.same_length, ([1, 2], [1], "X", "y"), ValueError, "y: expected 2 values like X, g"),
    (
        validation.same_kind,
        (np.array(["a"]), np.array([1]), "y_true", "y_pred"),
        TypeError,
        "y_pred: expected strings like y_true, got integers",
    ),
    (validation.as_positive_int, (0, "n"), ValueError, INTEGER + "0"),
    (validation.as_positive_int, (2.0, "n"), TypeError, INTEGER + "2.0"),
    (validation.as_positive_int, (True, "n"), TypeError, INTEGER + "True"),
    (validation.as_positive_int, ("3", "n"), TypeError, INTEGER + "'3'"),
    (
        validation.as_nonnegative_int,
        (-1, "n"),
        ValueError,
        "n: expected an integer of at least 0, got -1",
    ),
    (
        validation.as_nonnegative_int,
        (0.0, "n"),
        TypeError,
        "n: expected an integer of at least 0, got 0.0",
    ),
    (validation.as_verbose, (3,), ValueError, "verbose: expected 0, 1 or 2, got 3"),
    (validation.as_finite_real, (np.nan, "x"), ValueError, FINITE + "nan"),
    (validation.as_finite_real, (None, "x"), TypeError, FINITE + "None"),
    (validation.as_positive_real, (0, "x"), ValueError, POSITIVE + "0"),
    (validation.as_positive_real, (np.inf, "x"), ValueError, POSITIVE + "inf"),
    (validation.as_positive_real, (np.nan, "x"), ValueError, POSITIVE + "nan"),
    (validation.as_positive_real, (1j, "x"), TypeError, POSITIVE + "1j"),
    (validation.as_nonnegative_real, (-0.5, "x"), ValueError, "x: expected .*, got -0.5"),
    (validation.as_nonnegative_real, (np.nan, "x"), ValueError, "x: expected .*, got nan"),
    (validation.as_rows, (3, "X"), ValueError, "X: expected"),
    (validation.as_probability, (1.1, "x"), ValueError, UNIT + "1.1"),
    (validation.as_probability, (np.nan, "x"), ValueError, UNIT + "nan"),
    (validation.as_probability, (np.True_, "x"), TypeError, UNIT),
    (validation.as_generator, (0,), TypeError, "rng: expected a generator .*, got 0"),
    (
        validation.as_generator,
        (np.random, "rng"),
        TypeError,
        "rng: expected a generator .* got <module",
    ),
]


@pytest.mark.parametrize(("check", "args", "exception", "words"), BAD_CALLS)
def test_bad_arguments_are_refused_with_a_clear_message(check, args, exception, words):
    with pytest.raises(exception, match=f"^{words}"):
        check(*args)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_keep_their_precision_and_are_not_copied(dtype):
    vector = np.ones(3, dtype=dtype)
    assert validation.as_vector(vector, "x") is vector


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64])
def test_integers_become_double_precision(dtype):
    assert validation.as_matrix(np.ones((2, 2), dtype=dtype), "X").dtype == np.float64


def test_numpy_scalars_become_python_numbers():
    assert type(validation.as_positive_int(np.uint8(3), "n")) is int
    assert type(validation.as_positive_real(np.float32(0.5), "x")) is float
    assert type(validation.as_probability(np.int64(1), "x")) is float


def test_whole_floats_and_object_strings_are_labels():
    assert validation.as_labels([1.0, -2.0], "y").dtype == np.int64
    assert validation.as_labels(np.array(["a", "bc"], dtype=object), "y").dtype.kind == "U"


def test_a_generator_comes_back_itself():
    rng = np.random.default_rng(0)
    assert validation.as_generator(rng) is rng
