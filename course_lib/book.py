"""Build the book: run every chapter once, in parallel, then write the pages.

The outputs of the chapters lie in a cache, ``_build/.jupyter_cache``. The tests
fill the same cache, so a chapter is run once for both. The cache compares only
the code cells of a chapter; :func:`refresh_cache` therefore empties it when
anything that the cells use has changed: the library, the data at hand, or the
version of an installed package.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from course_lib._data_files import cache_dir

__all__ = ["BookError", "Chapter", "build", "chapters", "execute_chapters", "refresh_cache"]

_CACHE = Path("_build") / ".jupyter_cache"
_TIMEOUT = 600  # seconds for one cell

# For every process that runs a chapter. One thread for each: the chapters run side by side.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",  # TensorFlow's start-up messages do not belong in a page
    "TF_ENABLE_ONEDNN_OPTS": "0",  # one order of summation: the same digits in each build
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "SOURCE_DATE_EPOCH": "1767225600",  # the same date in every SVG figure
}


class BookError(RuntimeError):
    """The book could not be built; the message says which step failed and why."""


@dataclass(frozen=True)
class Chapter:
    """A chapter after its execution; ``error`` is the traceback, or None."""

    path: Path
    error: str | None


def chapters(root: Path) -> list[Path]:
    """Return the pages of the book that contain code, sorted by name."""
    pages = sorted((root / "book").rglob("*.md"))
    return [page for page in pages if "```{code-cell}" in page.read_text(encoding="utf-8")]


def _fingerprint(root: Path) -> str:
    """Return a digest of everything that a chapter's output depends on, its own cells aside."""
    digest = hashlib.sha256()
    library = root / "course_lib"
    used = ("*.py", "results/*.json", "weights/*")
    for file in sorted(path for pattern in used for path in library.glob(pattern)):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    packages = sorted(f"{d.metadata['Name']}=={d.version}" for d in distributions())
    digest.update("\n".join([sys.version, *packages]).encode())
    for data in filter(None, [os.environ.get("COURSE_DATA_DIR"), cache_dir()]):
        files = sorted(path for path in Path(data).glob("*") if path.is_file())
        stats = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
        digest.update("\n".join(stats).encode())
    return digest.hexdigest()


def refresh_cache(root: Path) -> bool:
    """Empty the cache of executed chapters if what they use has changed.

    Returns
    -------
    bool
        True if an out-of-date cache was removed.
    """
    cache = root / _CACHE
    stamp = cache / "fingerprint.txt"
    fingerprint = _fingerprint(root)
    stale = cache.exists() and (not stamp.exists() or stamp.read_text() != fingerprint)
    if stale:
        shutil.rmtree(cache)
    cache.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint)
    return stale


def execute_chapters(root: Path) -> list[Chapter]:
    """Run, in parallel, each chapter whose outputs are not in the cache."""
    from jupyter_cache import get_cache
    from jupyter_cache.executors import load_executor

    refresh_cache(root)
    os.environ.update(_ENVIRONMENT)
    os.environ["IPYTHONDIR"] = str(_ipython_folder(root))
    cache = get_cache(str(root / _CACHE))
    pages = chapters(root)
    for page in pages:
        cache.add_nb_to_project(str(page), read_data={"name": "myst_nb_md", "type": "plugin"})
    load_executor("local-parallel", cache).run_and_cache(
        timeout=_TIMEOUT, filter_uris=[str(page) for page in pages]
    )
    return [Chapter(page, _error(cache, page)) for page in pages]


def _ipython_folder(root: Path) -> Path:
    """Make an IPython folder of the book's own: the reader's start-up files do not run in it."""
    folder = root / "_build" / "ipython"
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    settings = [
        "c.IPKernelApp.log_level = 40",  # each kernel warns that its sockets are not encrypted
        "c.IPKernelApp.capture_fd_output = False",  # what TensorFlow's C++ code writes as it loads
    ]
    (profile / "ipython_kernel_config.py").write_text("\n".join(settings) + "\n")
    return folder


def _error(cache, page: Path) -> str | None:
    traceback = cache.get_project_record(str(page)).traceback
    if traceback is None and cache.get_cached_project_nb(str(page)) is None:
        return f"{page.name} left no output and no traceback: its kernel could not be run"
    return traceback


def _sphinx(root: Path, *options: str) -> None:
    """Run Jupyter Book with warnings as errors; its output goes to ``_build/book.log``."""
    program = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    log = root / "_build" / "book.log"
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(
            [*program, "build", "book", "-W", "-n", "--keep-going", *options],
            cwd=root,
            env={**os.environ, **_ENVIRONMENT},
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    if done.returncode:
        lines = log.read_text(encoding="utf-8").splitlines()
        telling = [line for line in lines if "WARNING" in line or "ERROR" in line] or lines[-20:]
        raise BookError("\n".join([*telling, f"The whole output is in {log}."]))


def build(root: Path, *, report=print) -> Path:
    """Build the HTML book and return the path of its first page.

    Parameters
    ----------
    root : Path
        The folder that holds ``_config.yml``.
    report : callable
        Called with one line of text at each step.

    Raises
    ------
    BookError
        If a chapter fails, or Sphinx warns about anything.
    """
    report("Running the chapters that changed ...")
    for chapter in execute_chapters(root):
        if chapter.error:
            raise BookError(f"{chapter.path.relative_to(root)} does not run:\n{chapter.error}")
    output = root / "_build"
    report("Writing the notebooks to download ...")
    _forget(output / ".doctrees", output / "jupyter")
    _sphinx(root, "--builder=custom", "--custom-builder=jupyter")
    report("Writing the pages ...")
    # Each builder needs its own reading of the sources; a page that is gone must not stay.
    _forget(output / ".doctrees", output / "html")
    _sphinx(root)
    return output / "html" / "index.html"


def _forget(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
