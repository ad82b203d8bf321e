"""Tests of course_lib.streaming: the scores of a table at once, and a result that is whole."""

import csv
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from course_lib import streaming as module
from course_lib.streaming import score_csv
from course_lib.tables import CsvTable, Dialect, TableEncoder, make_machine_table, write_table


class MeanSquare:
    """The detector without a network: the higher the score, the more anomalous."""

    def score(self, X):
        return (X**2).mean(axis=1)


class Broken:
    """A detector that gives what it is told to, and stops at a row if told to."""

    def __init__(self, scores=None, *, at=None):
        self.scores, self.at, self.seen = scores, at, 0

    def score(self, X):
        self.seen += len(X)
        if self.at is not None and self.seen > self.at:
            raise KeyboardInterrupt
        return np.zeros(len(X)) if self.scores is None else self.scores(X)


TRAIN = make_machine_table(300, rng=np.random.default_rng(0))
TEST = make_machine_table(500, rng=np.random.default_rng(1))
ENCODER = TableEncoder().fit(TRAIN)
FOREST = IsolationForest(n_estimators=20, random_state=0).fit(ENCODER.transform(TRAIN))
MIXTURE = make_pipeline(StandardScaler(), GaussianMixture(2, reg_covar=1e-2, random_state=0))
MIXTURE.fit(ENCODER.transform(TRAIN))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("logs") / "log.csv"
    write_table(TEST, path)
    return path


def read_scores(out):
    with out.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, np.array(rows, dtype=float).T


@pytest.mark.parametrize("chunk_rows", [1, 7, 250, 499, 500, 501])
def test_the_scores_are_those_of_the_table_at_once(path, tmp_path, chunk_rows):
    """Rows and nothing else decide: bit for bit with a detector that looks at one row."""
    out = tmp_path / "scores.csv"
    assert score_csv(MeanSquare(), ENCODER, path, out, chunk_rows=chunk_rows) == 500
    header, (lines, scores) = read_scores(out)
    assert header == ["line", "score"]
    np.testing.assert_array_equal(lines, np.arange(2, 502))
    np.testing.assert_array_equal(scores, MeanSquare().score(ENCODER.transform(TEST)))


@pytest.mark.parametrize("detector", [FOREST, MIXTURE], ids=["forest", "pipeline"])
def test_the_scores_of_scikit_learn_change_their_sign(path, tmp_path, detector):
    score_csv(detector, ENCODER, path, tmp_path / "scores.csv", chunk_rows=70)
    _, (_, scores) = read_scores(tmp_path / "scores.csv")
    expected = -detector.score_samples(ENCODER.transform(TEST))
    np.testing.assert_allclose(scores, expected, rtol=1e-10)
    assert scores[TEST.y == 1].mean() > scores[TEST.y == 0].mean()


@given(order=st.permutations(range(len(TEST.columns))), chunk_rows=st.integers(1, 40))
def test_neither_the_columns_order_nor_the_pieces_matter(order, chunk_rows, tmp_path_factory):
    folder, table = tmp_path_factory.mktemp("order"), TEST.take(np.arange(20))
    names = [list(table.columns)[i] for i in order]
    columns = {name: table.columns[name] for name in names}
    write_table(CsvTable(columns, table.kinds, table.lines, "a"), folder / "log.csv")
    score_csv(MeanSquare(), ENCODER, folder / "log.csv", folder / "o", chunk_rows=chunk_rows)
    expected = MeanSquare().score(ENCODER.transform(table))
    np.testing.assert_array_equal(read_scores(folder / "o")[1][1], expected)


def test_an_anomaly_is_above_the_threshold(path, tmp_path):
    expected = MeanSquare().score(ENCODER.transform(TEST))
    threshold = np.sort(expected)[450]  # equal to a score: that row is normal
    score_csv(MeanSquare(), ENCODER, path, tmp_path / "o", threshold=threshold, chunk_rows=99)
    header, (_, scores, anomaly) = read_scores(tmp_path / "o")
    assert header == ["line", "score", "anomaly"] and anomaly.sum() == 49
    np.testing.assert_array_equal(anomaly, scores > threshold)


def test_lines_are_those_of_the_file(tmp_path):
    (tmp_path / "log.csv").write_text('x;w\n\n1,5;a\n\n2,5;"b\nc"\n3,5;a\n')
    dialect = Dialect(";", ",")
    columns = {"x": np.array([1.0, 2.0]), "w": np.array(["a", "b\nc"])}
    table = CsvTable(columns, {"x": "number", "w": "category"}, np.array([2, 3]), "made")
    encoder = TableEncoder().fit(table)
    score_csv(MeanSquare(), encoder, tmp_path / "log.csv", tmp_path / "o", dialect=dialect)
    np.testing.assert_array_equal(read_scores(tmp_path / "o")[1][0], [3, 5, 7])


@pytest.mark.parametrize("progress", [False, True])
def test_a_bar_for_those_who_want_one(path, tmp_path, progress, capsys):
    score_csv(MeanSquare(), ENCODER, path, tmp_path / "o", progress=progress)
    assert ("Scoring" in capsys.readouterr().out) == progress


def test_the_memory_does_not_grow_with_the_file(path, tmp_path):
    """The detector never sees more rows than one piece, and the file is not read ahead."""
    sizes = []
    detector = Broken(lambda X: sizes.append(len(X)) or np.zeros(len(X)))
    score_csv(detector, ENCODER, path, tmp_path / "o", chunk_rows=120)
    assert sizes == [120, 120, 120, 120, 20]


# --- a result is whole, or there is none ------------------------------------------------


def test_no_file_is_overwritten(path, tmp_path):
    out = tmp_path / "scores.csv"
    out.write_text("precious")
    detector = Broken()
    with pytest.raises(FileExistsError, match="out: expected a file that does not exist yet"):
        score_csv(detector, ENCODER, path, out)
    assert detector.seen == 0  # told at once, not after an hour
    assert out.read_text() == "precious" and [*tmp_path.iterdir()] == [out]


def test_a_file_that_was_made_meanwhile_is_kept(path, tmp_path):
    out = tmp_path / "scores.csv"
    detector = Broken(lambda X: out.write_text("precious") and np.zeros(len(X)))
    with pytest.raises(FileExistsError):
        score_csv(detector, ENCODER, path, out)
    assert out.read_text() == "precious" and [*tmp_path.iterdir()] == [out]


def test_nothing_is_there_before_the_end(path, tmp_path):
    out, seen = tmp_path / "scores.csv", []
    detector = Broken(lambda X: seen.append(out.exists()) or np.zeros(len(X)))
    score_csv(detector, ENCODER, path, out, chunk_rows=100)
    assert seen == [False] * 5 and [*tmp_path.iterdir()] == [out]


def test_a_run_that_is_stopped_leaves_nothing(path, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        score_csv(Broken(at=300), ENCODER, path, tmp_path / "o", chunk_rows=100)
    assert [*tmp_path.iterdir()] == []


LOG = "x,w\n1,a\n2,b\n3,a\n4,b\n"
SMALL = TableEncoder().fit(
    CsvTable(
        {"x": np.array([1.0, 2.0]), "w": np.array(["a", "b"])},
        {"x": "number", "w": "category"},
        np.array([2, 3]),
        "made.csv",
    )
)
WRONG_FILES = {
    "text": (LOG + "bad,a\n", "log.csv, column 'x', line 6: expected a number, got 'bad'"),
    "short": (LOG + "3\n", "log.csv, line 6: expected 2 values like the header, got 1"),
    "absent": ("x\n1\n", "log.csv: expected a column 'w', got 'x'"),
    "new": ("x,w,z\n1,a,3\n", "expected only the columns of the fit, 'x', 'w', got a new column"),
    "no row": ("x,w\n", "log.csv: expected at least one row after the header, got none"),
    "empty": ("", "log.csv: expected a header and rows, got an empty file"),
    "delimiter": ("x;w\n1;a\n", "line 1: expected columns separated by ','"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_wrong_file_is_refused_and_leaves_nothing(tmp_path, name):
    content, words = WRONG_FILES[name]
    path = tmp_path / "log.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=re.escape(words)):
        score_csv(MeanSquare(), SMALL, path, tmp_path / "o", chunk_rows=2)
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_is_not_there_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        score_csv(MeanSquare(), ENCODER, tmp_path / "nothing.csv", tmp_path / "o")
    assert [*tmp_path.iterdir()] == []


def nan_in_row_7(X):
    return np.where(np.arange(len(X)) == 7, np.nan, 0.0)


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (lambda X: 0.5, "detector: expected one score for each of 500 rows, got shape ()"),
        (lambda X: X, "detector: expected one score for each of 500 rows, got shape (500, "),
        (nan_in_row_7, "detector, log.csv, line 9: expected a finite score, got nan"),
    ],
    ids=["one", "matrix", "NaN"],
)
def test_scores_that_are_none_are_refused(path, tmp_path, scores, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        score_csv(Broken(scores), ENCODER, path, tmp_path / "o")
    assert [*tmp_path.iterdir()] == []


GOOD = (MeanSquare(), ENCODER, "log.csv", "scores.csv")
BAD_CALLS = [
    ((len, *GOOD[1:]), {}, TypeError, "detector: expected a fitted detector with score_samples"),
    ((GOOD[0], "encoder", *GOOD[2:]), {}, TypeError, "encoder: expected a fitted TableEncoder"),
    ((GOOD[0], TableEncoder(), *GOOD[2:]), {}, RuntimeError, "TableEncoder is not fitted yet"),
    ((*GOOD[:2], 3, "o"), {}, TypeError, "path: expected the path of a file, got 3"),
    ((*GOOD[:3], None), {}, TypeError, "out: expected the path of a file, got None"),
    (GOOD, {"threshold": "high"}, TypeError, "threshold: expected a finite number, got 'high'"),
    (GOOD, {"threshold": np.nan}, ValueError, "threshold: expected a finite number, got nan"),
    (GOOD, {"chunk_rows": 0}, ValueError, "chunk_rows: expected an integer of at least 1, got 0"),
    (GOOD, {"dialect": ";"}, TypeError, "dialect: expected a Dialect, got ';'"),
]


@pytest.mark.parametrize(("args", "kwargs", "error", "words"), BAD_CALLS)
def test_a_bad_call_says_what_was_expected(args, kwargs, error, words):
    with pytest.raises(error, match=re.escape(words)):
        score_csv(*args, **kwargs)


def test_every_public_function_is_called_badly():
    assert module.__all__ == [score_csv.__name__]
