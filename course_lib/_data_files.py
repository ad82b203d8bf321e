"""Find, download, read and check data files; the loaders are in ``course_lib.datasets``.

A file is accepted for what it contains: the digest is taken over the arrays
that were read, not over the file. Another zip of the same pixels, or a CSV
with other line ends, is therefore the same data; one changed pixel is not.
"""

import gzip
import hashlib
import os
import socket
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from course_lib._validation import message

CONNECT_SECONDS, READ_SECONDS = 5, 30


class DataNotFoundError(FileNotFoundError):
    """A data set is in none of the places searched; the message says what to do."""


class DataError(ValueError):
    """A data file was found but does not hold what it should."""


class Remote(NamedTuple):
    """A file on the web: its address and, where it is known, ``algorithm:hash`` of the file."""

    url: str
    known_hash: str | None


class DataFile(NamedTuple):
    """A data set: its file in ``COURSE_DATA_DIR``, its digest, its reader, its files on the web.

    ``read`` takes the list of paths (the one file of ``COURSE_DATA_DIR``, or one
    for each remote file) and returns the arrays over which the digest is taken.
    """

    name: str
    digest: str
    read: Callable[[list[Path]], list[np.ndarray]]
    remotes: tuple[Remote, ...]


def load_checked(file: DataFile, *, otherwise: str = "") -> list[np.ndarray]:
    """Return the arrays of a data set from ``COURSE_DATA_DIR``, the cache or the web.

    Parameters
    ----------
    file : DataFile
    otherwise : str
        What else a reader can do when the file is nowhere, for the message.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If a file was found and is not the expected one.
    """
    local = in_data_dir(file.name)
    if local is not None:
        return _read_checked(file, [local])
    paths = _retrieve(file, otherwise)
    try:
        return _read_checked(file, paths)
    except DataError:
        for path in paths:  # else every later call would meet the same bad file in the cache
            path.unlink()
        raise


def fetch_with_sklearn(fetch: Callable[..., Any], name: str) -> Any:
    """Return the result of a ``sklearn.datasets.fetch_*``, which checks what it downloads.

    Raises
    ------
    DataNotFoundError
        If the data are not in the cache and cannot be downloaded.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(CONNECT_SECONDS)  # scikit-learn sets none and would wait for minutes
    try:
        return fetch(data_home=cache_dir(), n_retries=1, delay=0.1)
    except OSError as error:
        raise _not_found(name, "scikit-learn's address", error, "") from error
    finally:
        socket.setdefaulttimeout(before)


def in_data_dir(name: str) -> Path | None:
    """Return the path of a file in the folder ``COURSE_DATA_DIR``, or None."""
    folder = os.environ.get("COURSE_DATA_DIR")
    if not folder:
        return None
    path = Path(folder) / name
    return path if path.is_file() else None


def is_at_hand(file: DataFile) -> bool:
    """Tell whether a data set can be loaded without the network."""
    return in_data_dir(file.name) is not None or all(
        (cache_dir() / _file_name(url)).is_file() for url, _ in file.remotes
    )


def cache_dir() -> Path:
    """Return the folder in which the library keeps its downloads."""
    import pooch

    return Path(pooch.os_cache("course_lib"))


def read_npz(path: Path, keys: tuple[str, ...]) -> list[np.ndarray]:
    """Return the arrays of an ``.npz`` file under the given keys, in that order."""
    with _reading(path, "a readable .npz file"), path.open("rb") as file:
        # NumPy leaves a damaged file open when it opens it itself.
        with np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    if not set(keys) <= set(arrays):
        raise DataError(message(str(path), f"the keys {', '.join(keys)}", ", ".join(arrays)))
    return [arrays[key] for key in keys]


def read_idx(path: Path) -> np.ndarray:
    """Return the array of a gzipped IDX file of bytes, the format in which MNIST was published."""
    with _reading(path, "a gzipped IDX file"):
        content = gzip.decompress(path.read_bytes())
        n_dims = content[3]
        shape = np.frombuffer(content, ">i4", count=n_dims, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * n_dims).reshape(shape)


def read_csv(path: Path, member: str, columns: list[str], usecols: range) -> np.ndarray:
    """Return columns of a CSV file with the given header, or of that member of a zip file."""
    with _reading(path, "a CSV file, or a zip of one"):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                text = archive.read(member).decode()
        else:
            text = path.read_text(encoding="utf-8")
        header, *lines = text.splitlines()
    if header.split(",") != columns:
        raise DataError(message(str(path), f"the columns {','.join(columns)}", header))
    with _reading(path, "rows of numbers"):
        return np.loadtxt(lines, delimiter=",", usecols=usecols, ndmin=2)


def read_gzip_csv(path: Path, parts: list[tuple[list[int], Any]]) -> list[np.ndarray]:
    """Return columns of a gzipped CSV file without a header: one array for each (columns, type)."""
    with _reading(path, "a gzipped CSV file"):
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    with _reading(path, "rows with the columns of the set"):
        return [
            np.loadtxt(lines, delimiter=",", usecols=columns, dtype=dtype, ndmin=2)
            for columns, dtype in parts
        ]


def content_digest(arrays: list[np.ndarray]) -> str:
    """Return the SHA-256 of arrays: their types, shapes and values, in this order.

    Examples
    --------
    >>> content_digest([np.arange(3)]) == content_digest([np.arange(3)[:, None]])
    False
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape};".encode())
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _read_checked(file: DataFile, paths: list[Path]) -> list[np.ndarray]:
    arrays = file.read(paths)
    received = content_digest(arrays)
    if received != file.digest:
        files = ", ".join(str(path) for path in paths)
        raise DataError(message(files, f"data with the digest {file.digest}", received))
    return arrays


def _retrieve(file: DataFile, otherwise: str) -> list[Path]:
    """Return the paths of the remote files in the cache, downloaded where they are not there."""
    import pooch

    downloader = pooch.HTTPDownloader(progressbar=True, timeout=(CONNECT_SECONDS, READ_SECONDS))
    paths = []
    for url, known_hash in file.remotes:
        options = {"fname": _file_name(url), "path": cache_dir(), "downloader": downloader}
        try:
            paths.append(Path(pooch.retrieve(url, known_hash, **options)))
        except OSError as error:
            raise _not_found(file.name, url, error, otherwise) from error
        except ValueError as error:  # so pooch reports a wrong hash, with both hashes
            raise DataError(f"{file.name}: the download was refused. {error}") from error
    return paths


def _file_name(url: str) -> str:
    return url.rsplit("/")[-1]


def _not_found(name: str, url: str, error: OSError, otherwise: str) -> DataNotFoundError:
    folder = os.environ.get("COURSE_DATA_DIR") or "which is not set"
    return DataNotFoundError(
        f"{name} was not found.\n"
        f"Looked in: COURSE_DATA_DIR ({folder}), the cache ({cache_dir()}), {url}.\n"
        f"What to do: set COURSE_DATA_DIR to a folder that holds {name}, "
        f"or connect to the network and load again{otherwise}.\n"
        f"The download failed with {type(error).__name__}: {error}"
    )


@contextmanager
def _reading(path: Path, expected: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # a damaged file can fail in any way, and it always means the same
        raise DataError(message(str(path), expected, repr(error))) from error
