"""Tests of course_lib.tables: a CSV file is read and encoded, or refused by name and line."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from course_lib import tables as module
from course_lib._csv_files import CHUNK_ROWS, iter_tables
from course_lib.tables import (
    CsvTable,
    Dialect,
    TableEncoder,
    make_machine_table,
    read_table,
    write_table,
)

SMALL = """\
time,valve,load,speed,state
2026-01-01T00:00,open,0.5,10,ok
2026-01-01T06:00,shut,,20,fault
2026-01-01T12:00:00.5,open,-1e3,30,ok
"""


@pytest.fixture
def file(tmp_path):
    """Write a file, as text or as bytes, and return its path."""

    def write(content, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def table_of(**columns):
    """Return a table of lists of numbers (None: missing), of words, or of arrays of times."""
    arrays, kinds = {}, {}
    for name, values in columns.items():
        if isinstance(values[0], str):
            arrays[name], kinds[name] = np.array(values, dtype=str), "category"
        elif isinstance(values[0], np.datetime64):
            arrays[name], kinds[name] = np.array(values, dtype="datetime64[us]"), "time"
        else:
            arrays[name], kinds[name] = np.array(values, dtype=np.float64), "number"
    length = len(next(iter(arrays.values())))
    return CsvTable(arrays, kinds, np.arange(2, length + 2), "made.csv")


def assert_same(one, other):
    assert one.kinds == other.kinds and list(one.columns) == list(other.columns)
    for name in one.columns:
        np.testing.assert_array_equal(one.columns[name], other.columns[name])
    np.testing.assert_array_equal(one.y, other.y)


# --- reading ----------------------------------------------------------------------------


def test_kinds_are_found_and_values_read(file):
    table = read_table(file(SMALL), label="state", anomaly="fault")
    kinds = {"time": "time", "valve": "category", "load": "number", "speed": "number"}
    assert table.kinds == kinds and list(table.columns) == list(kinds)
    np.testing.assert_array_equal(table.columns["load"], [0.5, np.nan, -1000])
    assert table.columns["valve"].tolist() == ["open", "shut", "open"]
    assert table.columns["time"][2] == np.datetime64("2026-01-01T12:00:00.5")
    assert (table.label, table.source) == ("state", "log.csv")
    np.testing.assert_array_equal(table.y, [0, 1, 0])
    np.testing.assert_array_equal(table.lines, [2, 3, 4])


def test_kinds_that_are_given_win(file):
    kinds = {"speed": "category", "time": "skip", "not there": "skip"}
    table = read_table(file(SMALL), kinds=kinds)
    assert table.columns["speed"].tolist() == ["10", "20", "30"]
    assert "time" not in table.columns and table.kinds["time"] == "skip"


def test_nothing_is_asked_of_a_column_whose_kind_is_given(file):
    """Names, remarks and empty columns pass when they are left out."""
    rows = "".join(f"{i},serial {i},\n" for i in range(60))
    path = file("x,serial,remark\n" + rows)
    table = read_table(path, kinds={"serial": "skip", "remark": "category"})
    assert list(table.columns) == ["x", "remark"]


def test_a_file_of_a_french_spreadsheet(file):
    """Semicolons, decimal commas, Windows' line ends and the mark that Excel puts first."""
    text = "\ufeffpression;vanne\r\n1,5;ouverte\r\nn.d.;fermée\r\n;fermée\r\n"
    dialect = Dialect(delimiter=";", decimal=",", missing=("n.d.",))
    table = read_table(file(text), dialect=dialect)
    np.testing.assert_array_equal(table.columns["pression"], [1.5, np.nan, np.nan])
    assert table.columns["vanne"].tolist() == ["ouverte", "fermée", "fermée"]


def test_a_decimal_comma_leaves_no_meaning_to_a_point(file):
    """1.234 is more than a thousand to some who write 0,5: it is not read as 1.234."""
    path, dialect = file("x;y\n0,5;1\n1.234;2\n"), Dialect(delimiter=";", decimal=",")
    with pytest.raises(ValueError, match=r"column 'x', line 3: expected a number, got '1.234'"):
        read_table(path, kinds={"x": "number"}, dialect=dialect)


def test_blank_lines_are_passed_over_and_counted(file):
    table = read_table(file('x,y\n\n1,"two\nlines"\n\n 2 , b \n\n'))
    np.testing.assert_array_equal(table.lines, [3, 6])
    assert table.columns["x"].tolist() == [1, 2]
    assert table.columns["y"].tolist() == ["two\nlines", "b"]


def test_a_clock_is_read_as_its_place_showed_it(file):
    table = read_table(file("t\n2026-01-01 08:30:00+05:00\n2026-01-02T08:30:00Z\n"))
    assert (
        table.columns["t"].tolist()
        == np.array(["2026-01-01T08:30", "2026-01-02T08:30"], dtype="datetime64[us]").tolist()
    )


def test_labels_are_0_and_1_or_two_words(file):
    np.testing.assert_array_equal(read_table(file("x,y\n1,0\n2,1\n"), label="y").y, [0, 1])
    np.testing.assert_array_equal(
        read_table(file("x,y\n1,ok\n2,ok\n"), label="y", anomaly="bad").y, [0, 0]
    )


def test_words_are_a_category_up_to_fifty(file):
    words = [f"w{i}" for i in range(50)]
    assert read_table(file("\n".join(["x", *words]))).kinds == {"x": "category"}
    with pytest.raises(ValueError, match=r"at most 50 words.*kinds=\{'x': 'skip'\}"):
        read_table(file("\n".join(["x", *words, "w50"])))


def test_codes_of_letters_and_some_digits_are_a_category(file):
    assert read_table(file("x\nA1\n17\nB\n")).kinds == {"x": "category"}


WRONG_FILES = {
    "empty": (b"", "log.csv: expected a header and rows, got an empty file"),
    "only a mark": (b"\xef\xbb\xbf", "an empty file"),
    "no row": (b"x,y\n", "log.csv: expected at least one row after the header, got none"),
    "delimiter": (b"x;y\n1;2\n", "line 1: expected columns separated by ',', got 'x;y'; is it"),
    "tabs": (b"x\ty\n1\t2\n", r"Dialect(delimiter='\t')?"),
    "no header": (b"1.5,a\n2.5,b\n", "line 1: expected a header with the names of the columns"),
    "no header, a time first": (b"2026-01-01,a\n2026-01-02,b\n", "got '2026-01-01'"),
    "no name": (b"x,,z\n1,2,3\n", "line 1, column 2: expected a name in the header, got none"),
    "twice": (b"x,y,x\n1,2,3\n", "line 1: expected different names of columns, got 'x' twice"),
    "short": (b"x,y\n1,2\n3\n", "log.csv, line 3: expected 2 values like the header, got 1"),
    "long": (b"x,y\n\n1,2,3\n", "log.csv, line 3: expected 2 values like the header, got 3"),
    "Latin-1": ("x\nok\nfermée\n".encode("latin-1"), "line 3: expected text in UTF-8, got the"),
    "UTF-16": ("x\nok\n".encode("utf-16"), "line 1: expected text in UTF-8, got the byte 0xff"),
    "quote": (b'x,y\n1,2\n"3,4\n5,6\n', "log.csv, line 3: expected a row of CSV, got unexpected"),
    "all missing": (b"x,y\n,1\nNA,2\n", "column 'x': expected at least one value, got only"),
    "a word": (b"x\n1\n2\nbad\n", "line 4: expected a number like most of the column, got 'bad'"),
    "two words": (b"x\n1\n2\n3\n2026-01-01\nbad\n", "line 5: expected a number like most"),
    "infinite": (b"x\n1\n2\ninf\n", "column 'x', line 4: expected a number like most"),
    "Python's": (b"x\n1\n2\n1_000\n", "column 'x', line 4: expected a number like most"),
    "no time": (b"x\n2026-01-01\n2026-01-02\n3\n", "line 4: expected a time like most of the"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_wrong_file_is_refused_where_it_is_wrong(file, name):
    content, words = WRONG_FILES[name]
    with pytest.raises(ValueError, match=re.escape(words)):
        read_table(file(content))


WRONG_READINGS = {
    "label": ({"label": "fault"}, "log.csv: expected a column 'fault', got 'time', 'valve'"),
    "kind of nothing": ({"kinds": {"lod": "number"}}, "log.csv: expected a column 'lod', got"),
    "number": (
        {"kinds": {"valve": "number"}},
        "log.csv, column 'valve', line 2: expected a number, got 'open'",
    ),
    "time": (
        {"kinds": {"speed": "time"}},
        "column 'speed', line 2: expected a time such as 2026-01-31T08:15, got '10'",
    ),
    "words": (
        {"label": "state"},
        "column 'state', line 2: expected '0' or '1', got 'ok'; with two words, say which",
    ),
    "misspelt": (
        {"label": "state", "anomaly": "falt"},
        "column 'state', line 3: expected 'ok' or 'falt', got 'fault'",
    ),
    "no label": ({"label": "load"}, "column 'load', line 2: expected '0' or '1', got '0.5'"),
    "missing label": (
        {"label": "load", "anomaly": "0.5"},
        "column 'load', line 3: expected '-1e3' or '0.5', got no label",
    ),
}


@pytest.mark.parametrize("name", WRONG_READINGS)
def test_a_wrong_reading_is_refused(file, name):
    settings, words = WRONG_READINGS[name]
    with pytest.raises(ValueError, match=re.escape(words)):
        read_table(file(SMALL), **settings)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv"):
        read_table(tmp_path / "nothing.csv")


def test_a_word_beyond_the_first_piece_is_found(file):
    rows = ["1"] * (CHUNK_ROWS + 5) + ["x"]
    with pytest.raises(ValueError, match=f"line {CHUNK_ROWS + 7}: expected a number like most"):
        read_table(file("\n".join(["load", *rows])))


# --- writing, and the round trip --------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=5)
NUMBERS = st.floats(-1e9, 1e9) | st.just(float("nan"))


@st.composite
def drawn_tables(draw):
    """Tables with a column of each kind, with gaps; the first row has every value."""
    n = draw(st.integers(1, 8))
    times = st.integers(0, 2**50).map(lambda us: np.datetime64(us, "us")) | st.just(
        np.datetime64("NaT")
    )
    gap = ["NA", "N/A", "NaN", "nan", "NULL", "null"]
    words = st.just("") | WORDS.map(lambda w: "w" + w).filter(lambda w: w not in gap)
    columns = {
        "speed": [1.5, *draw(st.lists(NUMBERS, min_size=n, max_size=n))],
        "valve, or tap": ["open", *draw(st.lists(words, min_size=n, max_size=n))],
        'the "time"': [np.datetime64("2026-01-01"), *draw(st.lists(times, min_size=n, max_size=n))],
    }
    table = table_of(**columns)
    y = draw(st.lists(st.integers(0, 1), min_size=n + 1, max_size=n + 1))
    return CsvTable(table.columns, table.kinds, table.lines, "made.csv", np.array(y), "label")


def read_back(table, folder, **settings):
    path = folder / "table.csv"
    path.unlink(missing_ok=True)
    write_table(table, path)
    return read_table(path, **settings)


@given(table=drawn_tables())
def test_values_come_back_from_a_file(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("round")
    assert_same(read_back(table, folder, label="label", kinds=table.kinds), table)


@given(table=drawn_tables(), size=st.integers(1, 10))
def test_the_size_of_the_pieces_does_not_matter(table, size, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pieces")
    whole = read_back(table, folder, kinds=table.kinds)
    pieces = iter_tables(
        folder / "table.csv", kinds=whole.kinds, dialect=Dialect(), chunk_rows=size
    )
    pieces = list(pieces)
    assert {len(piece) for piece in pieces[:-1]} <= {size} and 1 <= len(pieces[-1]) <= size
    for name, values in whole.columns.items():
        np.testing.assert_array_equal(np.concatenate([p.columns[name] for p in pieces]), values)
    np.testing.assert_array_equal(np.concatenate([p.lines for p in pieces]), whole.lines)


@given(table=drawn_tables(), order=st.permutations(range(3)))
def test_the_order_of_the_columns_does_not_matter(table, order, tmp_path_factory):
    names = [list(table.columns)[i] for i in order]
    columns = {name: table.columns[name] for name in names}
    other = CsvTable(columns, table.kinds, table.lines, "b.csv", table.y, "label")
    other = read_back(other, tmp_path_factory.mktemp("order"), kinds=table.kinds, label="label")
    try:
        encoder = TableEncoder().fit(table)
    except ValueError as error:  # a table of equal rows
        assert "column that varies" in str(error)
    else:
        np.testing.assert_array_equal(encoder.transform(other), encoder.transform(table))


def test_no_file_is_overwritten(file):
    path = file("precious")
    with pytest.raises(FileExistsError, match=r"log\.csv"):
        write_table(table_of(x=[1, 2]), path)
    assert path.read_text() == "precious"


def test_take_is_a_split():
    table = make_machine_table(10, rng=np.random.default_rng(0), anomaly_rate=0.3)
    some, rest = table.take([3, 1]), table.take(~np.isin(np.arange(10), [3, 1]))
    assert (len(some), len(rest), some.lines.tolist()) == (2, 8, [5, 3])
    assert some.columns["load"].tolist() == table.columns["load"][[3, 1]].tolist()
    np.testing.assert_array_equal(some.y, table.y[[3, 1]])


# --- encoding ---------------------------------------------------------------------------


def random_table(rng, n, *, words=("a", "b", "c")):
    gaps = rng.random((n, 2)) < 0.2
    return table_of(
        full=rng.normal(50, 9, n),
        gappy=np.where(gaps[:, 0], np.nan, rng.exponential(2, n)),
        word=rng.choice(words, n).tolist(),
        other=np.where(gaps[:, 1], "", rng.choice(["x", "y"], n)).tolist(),
    )


@pytest.mark.parametrize("seed", range(3))
def test_numbers_and_words_are_encoded_as_by_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    train, test = random_table(rng, 60), random_table(rng, 40, words=("a", "c", "new"))
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    gaps = SimpleImputer(strategy="median", add_indicator=True)
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    reference = ColumnTransformer(
        [("n", numbers, [0, 1]), ("g", gaps, [0, 1]), ("w", words, [2, 3])]
    )
    rows = [np.array(list(t.columns.values()), dtype=object).T for t in (train, test)]
    expected = reference.fit(rows[0]).transform(rows[1]).astype(float)
    encoder = TableEncoder().fit(train)
    X = encoder.transform(test)
    assert encoder.feature_names_ == [
        "full", "gappy", "gappy (missing)",
        "word=a", "word=b", "word=c", "word (unknown)",
        "other (missing)", "other=x", "other=y", "other (unknown)",
    ]  # fmt: skip
    ours = [0, 1, 2, 3, 4, 5, 7, 8, 9]
    np.testing.assert_allclose(X[:, ours], expected[:, [0, 1, 4, 5, 6, 7, 8, 9, 10]], atol=1e-12)
    np.testing.assert_array_equal(X[:, 6], test.columns["word"] == "new")
    np.testing.assert_array_equal(X[:, 10], 0)
    np.testing.assert_array_equal(encoder.numeric_columns_, [0, 1])


def test_only_the_training_rows_are_measured():
    """A test row that is far away moves no median, mean, scale or vocabulary."""
    train = table_of(x=[1, 2, 3], w=["a", "b", "a"])
    encoder = TableEncoder().fit(train)
    row = table_of(x=[2], w=["a"])
    alone = encoder.transform(row)
    with_far = encoder.transform(table_of(x=[2, 1e6], w=["a", "z"]))
    np.testing.assert_array_equal(with_far[:1], alone)
    np.testing.assert_allclose(encoder.transform(train)[:, 0].std(), 1)


def test_constant_columns_are_dropped_and_named():
    noon = [np.datetime64(f"2026-01-0{day}T12:00") for day in (1, 2, 3)]
    table = table_of(x=[1, 2, 3], c=[4.2, 4.2, 4.2], w=["a", "a", "a"], t=noon)
    encoder = TableEncoder().fit(table)
    assert encoder.dropped_ == ["c", "w", "t"] and encoder.feature_names_ == ["x"]
    changed = table_of(x=[1, 2, 3], c=[1, 2, 3], w=["b", "c", "d"], t=noon)
    np.testing.assert_array_equal(encoder.transform(changed), encoder.transform(table))


def test_a_word_that_is_missing_or_not_is_no_constant():
    encoder = TableEncoder().fit(table_of(w=["a", "", "a"]))
    assert encoder.dropped_ == []
    assert encoder.feature_names_ == ["w (missing)", "w=a", "w (unknown)"]


def test_gaps_of_a_constant_column_are_kept():
    """A code that is written only when something happens says much by being there."""
    encoder = TableEncoder().fit(table_of(x=[1, 2, 3], code=[7, None, 7]))
    assert encoder.dropped_ == ["code"]
    assert encoder.feature_names_ == ["x", "code (missing)"]
    np.testing.assert_array_equal(
        encoder.transform(table_of(x=[1, 2], code=[None, 7]))[:, 1], [1, 0]
    )


def test_a_gap_that_training_did_not_have():
    """The number becomes the median; the word is one that was not seen."""
    encoder = TableEncoder().fit(table_of(x=[1, 2, 6], w=["a", "b", "a"]))
    X = encoder.transform(table_of(x=[None, 2], w=["", "a"]))
    assert X[0, 0] == X[1, 0] and X[0].tolist()[1:] == [0, 0, 1]


def test_a_time_is_the_hand_of_a_clock():
    hours = ["2026-01-01T00:00", "2026-01-05T06:00", "2026-02-01T12:00", "1969-12-31T18:00"]
    times = np.array([*hours, "NaT"], dtype="datetime64[us]")
    encoder = TableEncoder()
    X = encoder.fit_transform(table_of(t=list(times)))
    assert encoder.feature_names_ == ["t (missing)", "t (sine)", "t (cosine)"]
    hand = [[0, 1], [1, 0], [0, -1], [-1, 0], [0, 0]]
    np.testing.assert_allclose(X, np.column_stack([[0, 0, 0, 0, 1], hand]), atol=1e-12)
    assert encoder.numeric_columns_.size == 0


def test_a_label_is_no_feature(file):
    table = read_table(file(SMALL), label="state", anomaly="fault")
    encoder = TableEncoder().fit(table)
    assert encoder.kinds_["state"] == "skip"
    assert not [name for name in encoder.feature_names_ if "state" in name]
    again = read_table(file(SMALL, "new.csv"), kinds=encoder.kinds_)
    np.testing.assert_array_equal(encoder.transform(again), encoder.transform(table))


@given(st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=20, unique=True))
def test_standardised_numbers_give_the_values_back(values):
    encoder = TableEncoder()
    z = encoder.fit_transform(table_of(x=values))[:, 0]
    np.testing.assert_allclose(z * np.std(values) + np.mean(values), values, atol=1e-6)


FITTED = TableEncoder().fit(table_of(x=[1, 2, 3], w=["a", "b", "a"]))
WRONG_TABLES = {
    "absent": (table_of(x=[1]), "made.csv: expected a column 'w', got 'x'"),
    "new": (table_of(x=[1], w=["a"], z=[1]), "columns of the fit, 'x', 'w', got a new column 'z'"),
    "kind": (
        table_of(x=["1"], w=["a"]),
        "made.csv, column 'x': expected number as in fit, got category; read the file with kinds=",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_TABLES)
def test_a_table_that_does_not_fit_is_refused(name):
    table, words = WRONG_TABLES[name]
    with pytest.raises(ValueError, match=re.escape(words)):
        FITTED.transform(table)


# --- the stand-in -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def log():
    return make_machine_table(4000, rng=np.random.default_rng(0))


def test_the_stand_in_is_a_log_as_they_are(log, tmp_path):
    write_table(log, tmp_path / "log.csv")
    assert_same(read_table(tmp_path / "log.csv", label="fault"), log)
    assert np.isnan(log.columns["pressure"]).mean() == pytest.approx(1 / 12, abs=0.02)
    assert TableEncoder().fit(log).dropped_ == ["firmware"]
    healthy = log.y == 0
    sensors = [log.columns[name][healthy] for name in ("load", "temperature", "vibration")]
    assert np.corrcoef(sensors)[np.triu_indices(3, 1)].min() > 0.9


def test_its_faults_are_seen_beside_the_load_and_hardly_alone(log):
    assert log.y.mean() == 0.05
    load, temperature = log.columns["load"], log.columns["temperature"]
    hot = temperature - np.polyval(np.polyfit(load, temperature, 1), load) > 9
    usual = np.quantile(temperature[log.y == 0], [0.01, 0.99])
    assert log.y[hot].mean() > 0.9
    within = (usual[0] <= temperature) & (temperature <= usual[1])
    assert within[hot].mean() > 0.5


def test_the_stand_in_without_labels_has_the_same_rows(log):
    blind = make_machine_table(4000, rng=np.random.default_rng(0), labelled=False)
    assert blind.y is None and blind.label is None
    for name, values in log.columns.items():
        np.testing.assert_array_equal(blind.columns[name], values)


# --- bad calls --------------------------------------------------------------------------

RNG = np.random.default_rng(0)
TABLE = table_of(x=[1, 2])
GAPS = CsvTable({"x": np.array([np.nan])}, {"x": "number"}, np.array([2]), "made.csv")
LINES = np.array([2, 3])
BAD_CALLS = [
    (read_table, (3,), {}, TypeError, "path: expected the path of a file, got 3"),
    (read_table, ("a.csv",), {"kinds": ["x"]}, TypeError, "kinds: expected a dictionary"),
    (read_table, ("a.csv",), {"kinds": {"x": "float"}}, ValueError, "kinds['x']: expected one of"),
    (read_table, ("a.csv",), {"dialect": ";"}, TypeError, "dialect: expected a Dialect, got ';'"),
    (read_table, ("a.csv",), {"anomaly": "bad"}, ValueError, "label: expected the column that"),
    (read_table, ("a.csv",), {"dialect": Dialect("||")}, ValueError, "dialect.delimiter: expected"),
    (read_table, ("a.csv",), {"dialect": Dialect(",", ",")}, ValueError, "dialect.decimal: expec"),
    (read_table, ("a.csv",), {"dialect": Dialect(missing="NA")}, TypeError, "dialect.missing"),
    (write_table, ([[1]], "a.csv"), {}, TypeError, "table: expected a CsvTable"),
    (write_table, (TABLE, 3), {}, TypeError, "path: expected the path of a file, got 3"),
    (CsvTable, ({"x": RNG.random(3)}, {"x": "number"}, LINES, "a"), {}, ValueError, "column 'x'"),
    (CsvTable, ({"x": RNG.random(2)}, {}, LINES, "a"), {}, ValueError, "the kind of column 'x'"),
    (CsvTable, ({"x": LINES}, {"x": "number"}, LINES, "a"), {}, TypeError, "column 'x': expect"),
    (CsvTable, ({}, {}, LINES, "a", LINES[:1]), {}, ValueError, "y: expected 2 values like lines"),
    (TABLE.take, ([0.5],), {}, TypeError, "rows: expected a 1-D array of indices or booleans"),
    (TABLE.take, ([2],), {}, ValueError, "rows: expected indices or a mask of 2 rows"),
    (TABLE.take, ([True],), {}, ValueError, "rows: expected indices or a mask of 2 rows"),
    (TableEncoder().fit, ([[1.0]],), {}, TypeError, "table: expected a CsvTable, as read_table"),
    (TableEncoder().fit, (TABLE.take([0]),), {}, ValueError, "made.csv: expected a column that va"),
    (TableEncoder().fit, (GAPS,), {}, ValueError, "made.csv, column 'x': expected at least one"),
    (TableEncoder().transform, (TABLE,), {}, RuntimeError, "call fit first"),
    (FITTED.transform, ([[1.0]],), {}, TypeError, "table: expected a CsvTable"),
    (make_machine_table, (0,), {"rng": RNG}, ValueError, "n_rows: expected an integer of at least"),
    (make_machine_table, (9,), {"rng": 0}, TypeError, "rng: expected a generator"),
    (make_machine_table, (9,), {"rng": RNG, "anomaly_rate": 2}, ValueError, "anomaly_rate: expec"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_a_bad_call_says_what_was_expected(function, args, kwargs, error, words):
    with pytest.raises(error, match=re.escape(words)):
        function(*args, **kwargs)


def test_every_public_function_is_called_badly():
    functions = [call[0] for call in BAD_CALLS] + [
        type(call[2]["dialect"]) for call in BAD_CALLS if "dialect" in call[2]
    ]
    owners = [getattr(function, "__self__", function) for function in functions]
    called = {getattr(owner, "__name__", type(owner).__name__) for owner in owners}
    assert called >= {*module.__all__}
