"""Read a user's own CSV file piece by piece, and say exactly what is wrong with it.

The public names are in ``course_lib.tables``. A file is read with the standard
library's ``csv`` module, a few thousand rows at a time, so that its size does not
matter. Every error names the file, the column, the line, what was expected and what came.
"""

import csv
import math
import os
import reprlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._validation import message, same_length

DTYPES = {"number": "float64", "category": "str", "time": "datetime64[us]"}
KINDS = (*DTYPES, "skip")
MAX_WORDS = 50  # a column of more words than this is a name or a comment, and no category
CHUNK_ROWS = 10_000

Chunk = tuple[list[int], dict[str, list[str]]]  # lines in the file, and the words of each column


class Dialect(NamedTuple):
    """How a CSV file writes its values.

    Parameters
    ----------
    delimiter : str
        Between two columns: ``","``, ``";"`` or ``"\\t"``.
    decimal : str
        Mark in a number: ``"."``, or ``","`` as in France.
    missing : tuple of str
        What stands for a value that is not there. An empty field always does.

    Examples
    --------
    >>> Dialect(delimiter=";", decimal=",").missing[1]
    'NA'
    """

    delimiter: str = ","
    decimal: str = "."
    missing: tuple[str, ...] = ("", "NA", "N/A", "NaN", "nan", "NULL", "null")


@dataclass(frozen=True)
class CsvTable:
    """A table as its file has it: words are not yet numbers for a network.

    Parameters
    ----------
    columns : dict of str to ndarray of shape (n,)
        By name, in the file's order: float64 with NaN where a number is missing, strings
        with ``""`` where a word is, datetime64 with NaT where a time is.
    kinds : dict of str to str
        ``"number"``, ``"category"`` or ``"time"`` for each of the columns, and ``"skip"`` for
        those that were left out.
    lines : ndarray of shape (n,)
        Line of the file where each row begins; the header is line 1.
    source : str
        Name of the file, for messages.
    y : ndarray of shape (n,), optional
        Labels, int64: 1 for an anomaly, 0 for a normal row.
    label : str, optional
        Name of the column that `y` comes from.

    Raises
    ------
    ValueError
        If a column or `y` has another length than `lines`, or a column has no known kind.
    TypeError
        If the values of a column are not of its kind.

    Examples
    --------
    >>> columns = {"load": np.array([0.5, np.nan])}
    >>> table = CsvTable(columns, {"load": "number"}, lines=np.array([2, 3]), source="log.csv")
    >>> len(table), table.take([0]).columns
    (2, {'load': array([0.5])})
    """

    columns: dict[str, NDArray[Any]]
    kinds: dict[str, str]
    lines: NDArray[np.int64]
    source: str
    y: NDArray[np.int64] | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        for name, values in self.columns.items():
            same_length(self.lines, values, "lines", f"column {name!r}")
            kind = self.kinds.get(name)
            if kind not in DTYPES:
                expected = f"one of {', '.join(DTYPES)}"
                raise ValueError(message(f"the kind of column {name!r}", expected, repr(kind)))
            if values.dtype.kind != np.dtype(DTYPES[kind]).kind:
                raise TypeError(message(f"column {name!r}", f"{DTYPES[kind]} values", values.dtype))
        if self.y is not None:
            same_length(self.lines, self.y, "lines", "y")

    def __len__(self) -> int:
        return len(self.lines)

    def take(self, rows: ArrayLike) -> Self:
        """Return the table of some rows, given by their indices or by a mask: a split.

        Raises
        ------
        TypeError
            If `rows` holds neither indices nor booleans.
        ValueError
            If an index is outside the table, or a mask has another length.
        """
        rows = np.asarray(rows)
        if rows.dtype.kind not in "biu" or rows.ndim != 1:
            raise TypeError(message("rows", "a 1-D array of indices or booleans", rows.dtype))
        try:
            columns = {name: values[rows] for name, values in self.columns.items()}
            y = None if self.y is None else self.y[rows]
            return replace(self, columns=columns, lines=self.lines[rows], y=y)
        except IndexError as error:
            expected = f"indices or a mask of {len(self)} rows"
            raise ValueError(message("rows", expected, error)) from None


# --- what a file holds --------------------------------------------------------------------


def find_kinds(path: Path, given: Mapping[str, str], dialect: Dialect) -> dict[str, str]:
    """Return the kind of each column of a file; those of `given` are not looked for.

    A column is of the kind that most of its values have. One word among numbers is then an
    error and not a category: the message names its line.
    """
    kinds: dict[str, str] = {}
    evidence: dict[str, _Evidence] = {}
    for lines, columns in _chunks(path, dialect, CHUNK_ROWS, open):
        if not kinds:
            kinds = {name: given.get(name, "") for name in columns}
            _check_names(path.name, columns, given, may_be_new=True)
            evidence = {name: _Evidence() for name, kind in kinds.items() if not kind}
        for name, found in evidence.items():
            found.add(columns[name], lines, dialect)
    absent = {name: kind for name, kind in given.items() if name not in kinds}
    found = {name: each.verdict(path.name, name) for name, each in evidence.items()}
    return kinds | found | absent


class _Evidence:
    """What the values of one column look like."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first: dict[str, tuple[int, str]] = {}  # line and word, for each kind
        self.words: set[str] = set()

    def add(self, words: list[str], lines: list[int], dialect: Dialect) -> None:
        """Look at some more values."""
        for line, word in zip(lines, words, strict=True):
            if word in dialect.missing:
                continue
            kind = _kind(word, dialect)
            self.counts[kind] += 1
            self.first.setdefault(kind, (line, word))
            if len(self.words) <= MAX_WORDS:
                self.words.add(word)

    def verdict(self, source: str, name: str) -> str:
        """Return the kind of the column, or say why it has none."""
        where = f"{source}, column {name!r}"
        leave_out = f"kinds={{{name!r}: 'skip'}} leaves the column out"
        if not self.counts:
            got = f"only missing ones; {leave_out}"
            raise ValueError(message(where, "at least one value", got))
        kind = max(("category", "number", "time"), key=lambda kind: self.counts[kind])
        others = [first for other, first in self.first.items() if other != kind]
        if kind != "category" and others:
            line, word = min(others)
            hint = f"kinds={{{name!r}: 'category'}} reads words"
            expected = f"a {kind} like most of the column"
            raise ValueError(message(f"{where}, line {line}", expected, f"{word!r}; {hint}"))
        if kind == "category" and len(self.words) > MAX_WORDS:
            line, word = self.first["category"]
            expected = f"numbers, times such as 2026-01-31T08:15 or at most {MAX_WORDS} words"
            got = f"more words, such as {reprlib.repr(word)}; {leave_out}"
            raise ValueError(message(f"{where}, line {line}", expected, got))
        return kind


def _kind(word: str, dialect: Dialect) -> str:
    return next((kind for kind in ("number", "time") if _fits(word, kind, dialect)), "category")


def _fits(word: str, kind: str, dialect: Dialect) -> bool:
    with suppress(ValueError):
        _PARSERS[kind].parse(word, dialect)
        return True
    return False


# --- reading ------------------------------------------------------------------------------


def iter_tables(
    path: Path,
    *,
    kinds: Mapping[str, str],
    dialect: Dialect,
    chunk_rows: int = CHUNK_ROWS,
    open_text: Callable[..., Any] = open,
) -> Iterator[CsvTable]:
    """Yield a file as tables of `chunk_rows` rows; the last one may be smaller.

    `kinds` has every column of the file; those to skip need not be there. `open_text` is
    called like ``open``: a progress bar watches the file through it.
    """
    read: dict[str, str] = {}
    for lines, columns in _chunks(path, dialect, chunk_rows, open_text):
        if not read:
            _check_names(path.name, columns, kinds, may_be_new=False)
            read = {name: kinds[name] for name in columns if kinds[name] != "skip"}
        arrays = {}
        for name, kind in read.items():
            where = f"{path.name}, column {name!r}"
            arrays[name] = _parsed(columns[name], kind, dialect, lines, where)
        yield CsvTable(arrays, dict(kinds), np.array(lines), path.name)


def as_dialect(value: Any) -> Dialect:
    """Return `value` when it is a dialect that can be read."""
    if not isinstance(value, Dialect):
        raise TypeError(message("dialect", "a Dialect", reprlib.repr(value)))
    for name in ("delimiter", "decimal"):
        mark = getattr(value, name)
        if not isinstance(mark, str) or len(mark) != 1 or mark.isalnum() or mark in '"\r\n-+':
            raise ValueError(message(f"dialect.{name}", "one mark such as ','", repr(mark)))
    if value.delimiter == value.decimal:
        expected = "another mark than the delimiter"
        raise ValueError(message("dialect.decimal", expected, repr(value.decimal)))
    if isinstance(value.missing, str) or not all(isinstance(word, str) for word in value.missing):
        raise TypeError(message("dialect.missing", "a tuple of words", repr(value.missing)))
    return value._replace(missing=("", *value.missing))


def as_path(value: Any, name: str) -> Path:
    """Return `value` as a path."""
    if not isinstance(value, str | os.PathLike):
        raise TypeError(message(name, "the path of a file", reprlib.repr(value)))
    return Path(value)


def as_kinds(value: Any) -> dict[str, str]:
    """Return `value` as a dictionary from names of columns to kinds."""
    if not isinstance(value, Mapping):
        expected = "a dictionary such as {'valve': 'category'}"
        raise TypeError(message("kinds", expected, reprlib.repr(value)))
    for name, kind in value.items():
        if kind not in KINDS:
            raise ValueError(message(f"kinds[{name!r}]", f"one of {', '.join(KINDS)}", repr(kind)))
    return dict(value)


def _chunks(
    path: Path, dialect: Dialect, chunk_rows: int, open_text: Callable[..., Any]
) -> Iterator[Chunk]:
    """Yield the words of the file, column by column, with the lines of their rows."""
    try:
        # The mark that Excel puts before UTF-8 is no part of the first name: utf-8-sig.
        with open_text(path, "r", encoding="utf-8-sig", newline="") as file:
            records = _records(file, dialect, path.name)
            names = _header(records, dialect, path.name)
            rows = _rows(records, names, path.name)
            chunk = list(islice(rows, chunk_rows))
            if not chunk:
                expected = "at least one row after the header"
                raise ValueError(message(path.name, expected, "none"))
            while chunk:
                lines, fields = zip(*chunk, strict=True)
                columns = ([word.strip() for word in words] for words in zip(*fields, strict=True))
                yield list(lines), dict(zip(names, columns, strict=True))
                chunk = list(islice(rows, chunk_rows))
    except UnicodeDecodeError:
        raise ValueError(_where_not_utf8(path)) from None


def _records(file: IO[str], dialect: Dialect, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that is not blank, with the line where it begins."""
    reader = csv.reader(file, delimiter=dialect.delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise ValueError(message(f"{source}, line {line}", "a row of CSV", error)) from None
        if record is None:
            return
        if record:
            yield line, record


def _header(records: Iterator[tuple[int, list[str]]], dialect: Dialect, source: str) -> list[str]:
    line, names = next(records, (0, []))
    if not names:
        raise ValueError(message(source, "a header and rows", "an empty file"))
    names = [name.strip() for name in names]
    where = f"{source}, line {line}"
    for other in ";\t|,":
        if len(names) == 1 and other in names[0]:
            expected = f"columns separated by {dialect.delimiter!r}"
            got = f"{reprlib.repr(names[0])}; is it Dialect(delimiter={other!r})?"
            raise ValueError(message(where, expected, got))
    for number, name in enumerate(names, start=1):
        if _kind(name, dialect) != "category":
            raise ValueError(message(where, "a header with the names of the columns", repr(name)))
        if not name:
            raise ValueError(message(f"{where}, column {number}", "a name in the header", "none"))
        if name in names[: number - 1]:
            raise ValueError(message(where, "different names of columns", f"{name!r} twice"))
    return names


def _rows(
    records: Iterator[tuple[int, list[str]]], names: list[str], source: str
) -> Iterator[tuple[int, list[str]]]:
    for line, record in records:
        if len(record) != len(names):
            expected = f"{len(names)} values like the header"
            raise ValueError(message(f"{source}, line {line}", expected, len(record)))
        yield line, record


def _check_names(
    source: str, names: Mapping[str, Any], kinds: Mapping[str, str], *, may_be_new: bool
) -> None:
    """Raise if a column of `kinds` is not in the file, or the file has one more."""
    absent = [name for name, kind in kinds.items() if kind != "skip" and name not in names]
    if absent:
        raise ValueError(message(source, f"a column {absent[0]!r}", ", ".join(map(repr, names))))
    new = [name for name in names if name not in kinds]
    if new and not may_be_new:
        expected = "only the columns of the fit, " + ", ".join(map(repr, kinds))
        raise ValueError(message(source, expected, f"a new column {new[0]!r}"))


def _parsed(
    words: list[str], kind: str, dialect: Dialect, lines: list[int], where: str
) -> NDArray[Any]:
    """Return the words of a column as an array of its kind."""
    if kind == "category":
        return np.array(["" if word in dialect.missing else word for word in words], dtype=str)
    missing = frozenset(dialect.missing)
    parser = _PARSERS[kind]
    try:
        values = [parser.gap if w in missing else parser.parse(w, dialect) for w in words]
    except ValueError:
        pairs = zip(lines, words, strict=True)
        present = (pair for pair in pairs if pair[1] not in missing)
        line, word = next(pair for pair in present if not _fits(pair[1], kind, dialect))
        raise ValueError(message(f"{where}, line {line}", parser.expected, repr(word))) from None
    return np.array(values, DTYPES[kind])


def _number(word: str, dialect: Dialect) -> float:
    """Return the finite number that a word writes; Python would also read ``1_000`` and ``inf``."""
    if dialect.decimal != ".":
        word = word.replace(".", "_").replace(dialect.decimal, ".")
    number = float(word)
    if "_" in word or not math.isfinite(number):
        raise ValueError
    return number


def _time(word: str, _dialect: Dialect) -> datetime:
    """Return the time of a word in the ISO format, as the clock at its place showed it."""
    return datetime.fromisoformat(word).replace(tzinfo=None)


class _Parser(NamedTuple):
    parse: Callable[[str, Dialect], Any]
    gap: float | None  # what stands for a missing value
    expected: str


_PARSERS = {
    "number": _Parser(_number, math.nan, "a number"),
    "time": _Parser(_time, None, "a time such as 2026-01-31T08:15"),
}


def _where_not_utf8(path: Path) -> str:
    """Return the message of a file that is not UTF-8, with the first such line."""
    with path.open("rb") as file:
        for line, content in enumerate(file, start=1):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError as error:
                got = f"the byte {content[error.start]:#04x}; save the file as UTF-8"
                return message(f"{path.name}, line {line}", "text in UTF-8", got)
    return message(path.name, "text in UTF-8", "a file that changed while it was read")
