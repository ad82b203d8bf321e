"""A user's own table: read its CSV file, and turn it into numbers for a detector.

Chapter *A sparse autoencoder that adapts*. Data that are not public arrive as a file: times,
words, numbers, gaps, a column that never changes. Here, too, whatever is measured (a median,
a mean, a vocabulary) is measured on the training rows only, so split before you fit.
"""

import csv
import reprlib
from collections.abc import Mapping
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from course_lib._csv_files import (
    CsvTable,
    Dialect,
    as_dialect,
    as_kinds,
    as_path,
    find_kinds,
    iter_tables,
)
from course_lib._validation import as_generator, as_positive_int, as_probability, message
from course_lib.preprocessing import StandardScaler

__all__ = [
    "CsvTable",
    "Dialect",
    "TableEncoder",
    "make_machine_table",
    "read_table",
    "write_table",
]


def read_table(
    path: str | PathLike[str],
    *,
    label: str | None = None,
    anomaly: str | None = None,
    kinds: Mapping[str, str] | None = None,
    dialect: Dialect = Dialect(),  # noqa: B008 (a tuple, which nobody can change)
) -> CsvTable:
    """Read a CSV file in UTF-8 with a header.

    A column holds numbers, times in the ISO format, or a category of at most 50 words.
    The order of the columns has no meaning. Blank lines are passed over, and blanks around
    a value removed.

    Parameters
    ----------
    path : str or path
    label : str, optional
        Column that says which rows are anomalies: with 1 and 0, or with two words.
    anomaly : str, optional
        Word of that column for an anomaly; needed when it holds words.
    kinds : dict of str to str, optional
        ``"number"``, ``"category"``, ``"time"`` or ``"skip"`` for some of the columns: a
        category that is written with numbers, a serial number to leave out. The kinds of
        the others are found. For a new file of the same sort: ``encoder.kinds_``.
    dialect : Dialect
        Marks between columns and in numbers, and words for missing values.

    Returns
    -------
    CsvTable

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file cannot be read as said above; the message names file, column and line.
    TypeError
        If an argument is of the wrong kind.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "log.csv")
    ...     size = path.write_text("valve,load,state\\nopen,0.5,ok\\nshut,,fault\\n")
    ...     table = read_table(path, label="state", anomaly="fault")
    >>> table.kinds, table.columns["load"], table.y
    ({'valve': 'category', 'load': 'number'}, array([0.5, nan]), array([0, 1]))
    """
    path, dialect = as_path(path, "path"), as_dialect(dialect)
    kinds = as_kinds({} if kinds is None else kinds)
    if label is None:
        if anomaly is not None:
            raise ValueError(message("label", f"the column that holds {anomaly!r}", None))
        return _read(path, kinds, dialect)
    table = _read(path, kinds | {label: "category"}, dialect)
    words = table.columns.pop(label)
    y = _labels(words, anomaly, table.lines, f"{table.source}, column {label!r}")
    del table.kinds[label]
    return CsvTable(table.columns, table.kinds, table.lines, table.source, y, label)


def _read(path: Any, kinds: dict[str, str], dialect: Dialect) -> CsvTable:
    kinds = find_kinds(path, kinds, dialect)
    pieces = list(iter_tables(path, kinds=kinds, dialect=dialect))
    columns = {
        name: np.concatenate([piece.columns[name] for piece in pieces])
        for name in pieces[0].columns
    }
    return CsvTable(columns, kinds, np.concatenate([piece.lines for piece in pieces]), path.name)


def _labels(
    words: NDArray[np.str_], anomaly: str | None, lines: NDArray[np.int64], where: str
) -> NDArray[np.int64]:
    """Return 1 for the word of an anomaly and 0 for the other one."""
    if anomaly is None:
        known, hint = ["0", "1"], "; with two words, say which one is the anomaly"
    else:  # any third word is wrong, and so is a misspelt `anomaly` among two others
        known, hint = [*words[(words != anomaly) & (words != "")][:1].tolist(), anomaly], ""
    wrong = ~np.isin(words, known)
    if wrong.any():
        word, line = words[wrong][0].item(), lines[wrong][0]
        got = f"{word!r}{hint}" if word else "no label"
        raise ValueError(message(f"{where}, line {line}", " or ".join(map(repr, known)), got))
    return (words == known[-1]).astype(np.int64)


def write_table(table: CsvTable, path: str | PathLike[str]) -> None:
    """Write a table as a CSV file that :func:`read_table` reads back.

    Parameters
    ----------
    table : CsvTable
    path : str or path
        A file that does not exist yet: none is overwritten.

    Raises
    ------
    FileExistsError
        If the file exists.
    TypeError
        If `table` is no CsvTable, or `path` no path.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> table = make_machine_table(2, rng=np.random.default_rng(0))
    >>> with TemporaryDirectory() as folder:
    ...     write_table(table, Path(folder, "log.csv"))
    ...     read_table(Path(folder, "log.csv"), label="fault").y
    array([0, 0])
    """
    table, path = _as_table(table, "table"), as_path(path, "path")
    columns = dict(table.columns)
    if table.label is not None:
        columns[table.label] = table.y
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*map(_texts, columns.values()), strict=True))


def _texts(values: NDArray[Any]) -> list[Any]:
    """Return values as a file has them: nothing where one is missing."""
    if values.dtype.kind in "UiS":
        return values.tolist()
    missing = np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
    texts = np.datetime_as_string(values) if values.dtype.kind == "M" else values
    return ["" if gap else text for text, gap in zip(texts.tolist(), missing, strict=True)]


class TableEncoder:
    """Turn a table of numbers, words, times and gaps into a matrix of numbers.

    The matrix has, from left to right:

    - each number, standardised; a missing one becomes the training median;
    - for each number or time that was missing in training: 1 where it is missing;
    - for each category: a column for each word seen in training (the empty word, shown as
      *missing*, among them) and one for *unknown* words, those not seen in training;
    - for each time: where the hour hand of a clock of 24 hours points, as sine and cosine.
      Midnight is then near 23:59. A missing time is the middle of the clock, (0, 0).

    A column that is constant in training tells rows apart by nothing: it is dropped, and
    named in `dropped_`. Its gaps, if it has some, are still shown by their column.

    Chapter *A sparse autoencoder that adapts*.

    Attributes
    ----------
    kinds_ : dict of str to str
        Kind of each column, for :func:`read_table` and for a file with the same columns.
    feature_names_ : list of str
        Name of each column of the matrix.
    numeric_columns_ : ndarray
        Indices of the standardised numbers in the matrix: those that an injection may change.
    dropped_ : list of str
        Constant columns.
    medians_ : dict of str to float
        Training median of each number.
    vocabularies_ : dict of str to ndarray
        Words of each category that training had, sorted.

    Raises
    ------
    RuntimeError
        From `transform` before `fit`.
    ValueError
        If a column has no value at all or none varies in `fit`; if one is absent, new, or of
        another kind in `transform`.
    TypeError
        If the table is no CsvTable.

    Examples
    --------
    >>> columns = {"load": np.array([1.0, 3.0, np.nan])}
    >>> columns["valve"] = np.array(["open", "shut", "open"])
    >>> kinds = {"load": "number", "valve": "category"}
    >>> table = CsvTable(columns, kinds, lines=np.array([2, 3, 4]), source="log.csv")
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.feature_names_
    ['load', 'load (missing)', 'valve=open', 'valve=shut', 'valve (unknown)']
    >>> encoder.transform(table).round(2)
    array([[-1.22,  0.  ,  1.  ,  0.  ,  0.  ],
           [ 1.22,  0.  ,  0.  ,  1.  ,  0.  ],
           [ 0.  ,  1.  ,  1.  ,  0.  ,  0.  ]])
    """

    kinds_: dict[str, str]
    feature_names_: list[str]
    numeric_columns_: NDArray[np.int64]
    dropped_: list[str]
    medians_: dict[str, float]
    vocabularies_: dict[str, NDArray[np.str_]]

    def fit(self, table: CsvTable) -> Self:
        """Measure the medians, means, scales and vocabularies of the training rows."""
        table = _as_table(table, "table")
        self.kinds_ = dict(table.kinds)
        if table.label is not None:
            self.kinds_[table.label] = "skip"
        self.dropped_ = [name for name in table.columns if _is_constant(table, name)]
        kept = {name: table.columns[name] for name in table.columns if name not in self.dropped_}
        numbers, categories, self._times = (
            [name for name in kept if table.kinds[name] == kind]
            for kind in ("number", "category", "time")
        )
        gaps = (name for name in table.columns if table.kinds[name] != "category")
        self._gaps = [name for name in gaps if _missing(table.columns[name]).any()]
        self.medians_ = {name: float(np.nanmedian(kept[name])) for name in numbers}
        self.vocabularies_ = {name: np.unique(kept[name]) for name in categories}
        if numbers:
            self._scaler = StandardScaler().fit(self._filled(table))
        self.numeric_columns_ = np.arange(len(numbers))
        self.feature_names_ = self._names()
        if not self.feature_names_:
            raise ValueError(message(table.source, "a column that varies", "only constant ones"))
        return self

    def transform(self, table: CsvTable) -> NDArray[np.float64]:
        """Return the matrix of the rows of `table`, shape (n, d)."""
        if not hasattr(self, "feature_names_"):
            raise RuntimeError("TableEncoder is not fitted yet: call fit first")
        table = self._checked(_as_table(table, "table"))
        columns = table.columns
        blocks = [self._scaler.transform(self._filled(table))] if self.medians_ else []
        blocks += [_missing(columns[name])[:, None] for name in self._gaps]
        blocks += [_one_hot(columns[name], words) for name, words in self.vocabularies_.items()]
        blocks += [_clock(columns[name]) for name in self._times]
        return np.hstack(blocks).astype(np.float64, copy=False)

    def fit_transform(self, table: CsvTable) -> NDArray[np.float64]:
        """Fit on `table` and return its matrix, shape (n, d). For the training rows."""
        return self.fit(table).transform(table)

    def _filled(self, table: CsvTable) -> NDArray[np.float64]:
        """Return the numbers, with medians where they are missing, shape (n, k)."""
        columns = [(table.columns[name], median) for name, median in self.medians_.items()]
        return np.column_stack([np.where(np.isnan(x), median, x) for x, median in columns])

    def _names(self) -> list[str]:
        names = list(self.medians_) + [f"{name} (missing)" for name in self._gaps]
        for name, words in self.vocabularies_.items():
            names += [f"{name}={word}" if word else f"{name} (missing)" for word in words]
            names += [f"{name} (unknown)"]
        return names + [f"{name} ({part})" for name in self._times for part in ("sine", "cosine")]

    def _checked(self, table: CsvTable) -> CsvTable:
        """Raise unless a table has the columns of the fit, of the same kinds."""
        used = {name: kind for name, kind in self.kinds_.items() if kind != "skip"}
        for name, kind in used.items():
            if name not in table.columns:
                got = ", ".join(map(repr, table.columns))
                raise ValueError(message(table.source, f"a column {name!r}", got))
            if table.kinds[name] != kind:
                where = f"{table.source}, column {name!r}"
                got = f"{table.kinds[name]}; read the file with kinds=encoder.kinds_"
                raise ValueError(message(where, f"{kind} as in fit", got))
        new = [name for name in table.columns if name not in self.kinds_]
        if new:
            expected = "only the columns of the fit, " + ", ".join(map(repr, used))
            raise ValueError(message(table.source, expected, f"a new column {new[0]!r}"))
        return table


def _as_table(value: Any, name: str) -> CsvTable:
    if not isinstance(value, CsvTable):
        raise TypeError(message(name, "a CsvTable, as read_table returns", reprlib.repr(value)))
    return value


def _missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype.kind == "U":
        return values == ""
    return np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)


def _is_constant(table: CsvTable, name: str) -> bool:
    """Say whether the values that are there are all equal; a missing word is a word."""
    values = table.columns[name]
    present = values[~_missing(values)]
    if len(present) == 0:
        where = f"{table.source}, column {name!r}"
        raise ValueError(message(where, "at least one value in the training rows", "only missing"))
    if table.kinds[name] == "category":
        present = values
    elif table.kinds[name] == "time":
        present = _seconds(present)
    return bool((present == present[0]).all())


def _one_hot(values: NDArray[np.str_], words: NDArray[np.str_]) -> NDArray[np.bool_]:
    known = values[:, None] == words
    return np.column_stack([known, ~known.any(axis=1)])


def _seconds(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Return the seconds since midnight; NaN where the time is missing."""
    return (times - times.astype("datetime64[D]")) / np.timedelta64(1, "s")


def _clock(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    angle = 2 * np.pi * _seconds(times) / 86_400
    return np.nan_to_num(np.column_stack([np.sin(angle), np.cos(angle)]), nan=0.0)


# --- a stand-in ---------------------------------------------------------------------------


def make_machine_table(
    n_rows: int, *, rng: np.random.Generator, anomaly_rate: float = 0.05, labelled: bool = True
) -> CsvTable:
    """Draw the log of four machines: a stand-in for data that nobody may publish.

    Each row is a minute. The sensors follow the load, and so each other; the pressure is
    missing in one row of twelve; the firmware never changes. A fault leaves most values
    within their usual range and breaks the relation between them: a bearing is hotter and
    shakes more than its load explains, or a leak lowers the pressure.

    Chapter *A sparse autoencoder that adapts*.

    Parameters
    ----------
    n_rows : int
    rng : numpy.random.Generator
    anomaly_rate : float
        Share of the rows with a fault, rounded to a whole number of rows.
    labelled : bool
        Whether the table knows its faults (column ``fault``).

    Returns
    -------
    CsvTable
        Eight columns: ``time``; ``machine`` and ``mode``; ``load`` in percent,
        ``temperature`` in degrees Celsius, ``vibration`` in mm/s, ``pressure`` in bar;
        ``firmware``.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, `n_rows` is below 1, or `anomaly_rate` is
        outside [0, 1].

    Examples
    --------
    >>> table = make_machine_table(1000, rng=np.random.default_rng(0))
    >>> list(table.columns), table.y.sum()
    (['time', 'machine', 'mode', 'load', 'temperature', 'vibration', 'pressure', 'firmware'],
     np.int64(50))
    """
    n_rows, rng = as_positive_int(n_rows, "n_rows"), as_generator(rng)
    rate = as_probability(anomaly_rate, "anomaly_rate")
    columns = _healthy(n_rows, rng)
    faults = rng.choice(n_rows, round(rate * n_rows), replace=False)
    hot, leaking = np.array_split(faults, 2)
    columns["temperature"][hot] += rng.uniform(8, 20, len(hot))
    columns["vibration"][hot] += rng.uniform(0.5, 2, len(hot))
    columns["pressure"][leaking] -= rng.uniform(0.3, 1.5, len(leaking))
    for name in SENSORS:
        columns[name] = columns[name].round(3)  # as a log writes them
    y = np.zeros(n_rows, dtype=np.int64)
    y[faults] = 1
    label = (y, "fault") if labelled else (None, None)
    return CsvTable(columns, dict(KINDS_OF_LOG), np.arange(2, n_rows + 2), "machine log", *label)


SENSORS = ("load", "temperature", "vibration", "pressure", "firmware")
KINDS_OF_LOG = {"time": "time", "machine": "category", "mode": "category"} | dict.fromkeys(
    SENSORS, "number"
)


def _healthy(n: int, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    minutes = np.arange(n)
    machine, mode = rng.integers(4, size=n), rng.choice(3, size=n, p=[0.25, 0.65, 0.1])
    day = 10 * np.sin(2 * np.pi * minutes / 1440)
    load = np.array([5.0, 65.0, 35.0])[mode] + day + rng.normal(0, 6, n)
    load = load.clip(0, 100)
    pressure = 6.0 - 0.012 * load + rng.normal(0, 0.05, n)
    return {
        "time": np.datetime64("2026-01-01T00:00:00", "us") + minutes.astype("timedelta64[m]"),
        "machine": np.array(["M1", "M2", "M3", "M4"])[machine],
        "mode": np.array(["idle", "run", "clean"])[mode],
        "load": load,
        "temperature": 28 + 0.45 * load + 3 * machine + rng.normal(0, 1.5, n),
        "vibration": 0.6 + 0.02 * load + 0.1 * machine + rng.normal(0, 0.1, n),
        "pressure": np.where(rng.random(n) < 1 / 12, np.nan, pressure),
        "firmware": np.full(n, 4.2),
    }
