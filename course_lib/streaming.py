"""Score a CSV file of any length: a few thousand rows are in memory at a time.

Chapter *A sparse autoencoder that adapts*.
"""

import csv
import os
import reprlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from os import PathLike
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib._csv_files import CHUNK_ROWS, Dialect, as_dialect, as_path, iter_tables
from course_lib._validation import as_finite_real, as_positive_int, message
from course_lib.tables import CsvTable, TableEncoder

__all__ = ["score_csv"]


def score_csv(
    detector: Any,
    encoder: TableEncoder,
    path: str | PathLike[str],
    out: str | PathLike[str],
    *,
    threshold: float | None = None,
    chunk_rows: int = CHUNK_ROWS,
    dialect: Dialect = Dialect(),  # noqa: B008 (a tuple, which nobody can change)
    progress: bool = False,
) -> int:
    """Write the anomaly score of each row of a CSV file to another one.

    The scores are those of the whole table at once; only the memory differs. `out` appears
    when it is complete: a run that fails or is stopped leaves no file that looks like a result.

    Parameters
    ----------
    detector : object
        Fitted, with a method that takes the encoded rows (n, d): ``score_samples`` as
        scikit-learn's detectors (the higher, the more normal: the sign is changed), or else
        ``score`` (the higher, the more anomalous).
    encoder : TableEncoder
        Fitted on the detector's training rows.
    path : str or path
        CSV file with the columns of the encoder's fit, in any order; the label's column and
        those that were skipped may be there or not.
    out : str or path
        File to write, which does not exist yet. Its columns: ``line`` of the row in `path`,
        ``score`` (the higher, the more anomalous) and, with a threshold, ``anomaly``: 1 where
        the score is above it, otherwise 0.
    threshold : float, optional
    chunk_rows : int
        Rows in memory at a time.
    dialect : Dialect
        How `path` is written; `out` has commas and decimal points.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    FileNotFoundError, FileExistsError
        If `path` does not exist, or `out` does.
    ValueError
        If the file does not fit the encoder (the message names column and line), or the
        detector's scores are not one finite number for each row.
    TypeError
        If an argument is of the wrong kind.
    RuntimeError
        If the encoder is not fitted.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from course_lib.tables import make_machine_table, write_table
    >>> class MeanSquare:
    ...     def score(self, X):
    ...         return np.mean(X**2, axis=1)
    >>> table = make_machine_table(100, rng=np.random.default_rng(0))
    >>> with TemporaryDirectory() as folder:
    ...     path, out = Path(folder, "log.csv"), Path(folder, "scores.csv")
    ...     write_table(table, path)
    ...     n_rows = score_csv(MeanSquare(), TableEncoder().fit(table), path, out)
    ...     print(n_rows, out.read_text().splitlines()[0])
    100 line,score
    """
    score, path, out = _scorer(detector), as_path(path, "path"), as_path(out, "out")
    threshold = None if threshold is None else as_finite_real(threshold, "threshold")
    reading = {"chunk_rows": as_positive_int(chunk_rows, "chunk_rows")}
    reading |= {"kinds": _kinds(encoder), "dialect": as_dialect(dialect)}
    n_rows = 0
    with _complete_or_absent(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["line", "score"] if threshold is None else ["line", "score", "anomaly"])
        for table in iter_tables(path, open_text=_opener(progress), **reading):
            scores = _checked(score(encoder.transform(table)), table)
            columns = [table.lines.tolist(), scores.tolist()]
            if threshold is not None:
                columns.append((scores > threshold).astype(int).tolist())
            writer.writerows(zip(*columns, strict=True))
            n_rows += len(table)
    return n_rows


def _scorer(detector: Any) -> Callable[[NDArray[np.float64]], ArrayLike]:
    """Return the detector's function from rows to scores that are higher for anomalies."""
    # First score_samples, which means the same everywhere: a scikit-learn model's own score
    # is one number for all the rows.
    if callable(getattr(detector, "score_samples", None)):
        return lambda X: -np.asarray(detector.score_samples(X))
    if callable(getattr(detector, "score", None)):
        return detector.score
    expected = "a fitted detector with score_samples or score"
    raise TypeError(message("detector", expected, reprlib.repr(detector)))


def _kinds(encoder: Any) -> dict[str, str]:
    if not isinstance(encoder, TableEncoder):
        raise TypeError(message("encoder", "a fitted TableEncoder", reprlib.repr(encoder)))
    if not hasattr(encoder, "kinds_"):
        raise RuntimeError("TableEncoder is not fitted yet: call fit first")
    return encoder.kinds_


def _checked(scores: ArrayLike, table: CsvTable) -> NDArray[np.float64]:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(table),):
        expected = f"one score for each of {len(table)} rows"
        raise ValueError(message("detector", expected, f"shape {scores.shape}"))
    finite = np.isfinite(scores)
    if not finite.all():
        where = f"detector, {table.source}, line {table.lines[~finite][0]}"
        raise ValueError(message(where, "a finite score", scores[~finite][0]))
    return scores


def _opener(progress: bool) -> Callable[..., Any]:
    if not progress:
        return open
    from rich import progress as bars  # only who wants a bar loads it

    return partial(bars.open, description="Scoring")


@contextmanager
def _complete_or_absent(out: Path) -> Iterator[IO[str]]:
    """Open a file beside `out` that takes its name when the block ends without an error."""
    _refuse_existing(out)
    part = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            yield file
        _refuse_existing(out)  # somebody may have made it meanwhile
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise FileExistsError(message("out", "a file that does not exist yet", out))
