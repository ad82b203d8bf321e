"""Settings that every test shares."""

import os

# One thread for each numerical library, set before NumPy is loaded: several processes run
# side by side here, and a hundred threads on four cores are slower than four.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
# TensorFlow writes to the terminal as it loads, and rounds differently with oneDNN.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import warnings
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import settings

from course_lib import book

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"

# Derandomised: a failure on one machine is a failure on every machine.
settings.register_profile("course", derandomize=True, deadline=None, max_examples=30)
settings.load_profile("course")


@pytest.fixture(scope="session")
def built():
    """Build the book; :class:`course_lib.book.BookError` carries Sphinx' warnings."""
    book.execute_chapters(ROOT)
    assert book.build(ROOT, report=lambda line: None) == HTML / "index.html"
    return {
        path: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in HTML.glob("*.html")
    }


@pytest.fixture(scope="session")
def keras():
    """Keras, imported by the tests that compare with it: it takes seconds to load."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside TensorFlow are not this course's
        import keras
    return keras
