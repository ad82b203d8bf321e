"""Grade a made-up class whose true marks are known, and grade the grader.

Run ``python benchmarks/simulated_class.py --students 200``: it hands in assignment 01-metrics for
each student, grades the class as ``course grade`` does, and writes the grader's own confusion
matrix to ``course_lib/results/grader_class.json``, which the page *How well does the grader
grade?* shows.

What is true is not taken from the grader. An answer deserves a point of the statement when the
function, called in this process, agrees with references written here (loops, fractions,
scikit-learn) on every input of that point: thousands of inputs, none of them from ``checks.py``.
Cheats, and code that does not run, deserve nothing by construction: they are never called here.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from importlib import metadata
from itertools import product
from pathlib import Path

import nbformat
import numpy as np
from sklearn import metrics as sklearn_metrics

from course_lib import metrics

ROOT = Path(__file__).resolve().parents[1]
ASSIGNMENT = "01-metrics"
FUNCTIONS = ("count_outcomes", "rates", "f_beta", "roc_points", "area_by_pairs")
NAN = float("nan")

# --- what is right: references that share no line with course_lib or the checks ---------------


def counted(y_true, y_pred, wolf):
    """Count pairs by a loop; the lengths are equal."""
    found = Counter((truth == wolf, cry == wolf) for truth, cry in zip(y_true, y_pred, strict=True))
    pairs = (True, True), (False, True), (True, False), (False, False)
    return tuple(found[pair] for pair in pairs)


def exact_rates(tp, fp, fn, tn):
    """Divide fractions."""
    pairs = (tp + tn, tp + fp + fn + tn), (tp, tp + fp), (tp, tp + fn)
    return tuple(float(Fraction(part, whole)) if whole else NAN for part, whole in pairs)


def exact_f_beta(tp, fp, fn, beta):
    """Take the weighted harmonic mean of two fractions, as the statement defines it."""
    if tp == 0:
        return 0.0 if fp + fn else NAN
    precision, recall = Fraction(tp, tp + fp), Fraction(tp, tp + fn)
    square = Fraction(beta) ** 2
    return float((1 + square) / (1 / precision + square / recall))


def their_roc(y_true, scores):
    """Ask scikit-learn."""
    fpr, tpr, _ = sklearn_metrics.roc_curve(y_true, scores, drop_intermediate=False)
    return np.column_stack([fpr, tpr])


def their_area(positive, negative):
    """Ask scikit-learn."""
    y_true = [1] * len(positive) + [0] * len(negative)
    return sklearn_metrics.roc_auc_score(y_true, [*positive, *negative])


# --- the points of the statement: inputs on which an answer must be right ----------------------

Inputs = Iterator[tuple]


def binary_labels(rng) -> Inputs:
    for n in (1, 2, 3):
        for bits in product((0, 1), repeat=2 * n):
            yield list(bits[:n]), list(bits[n:]), 1


def other_labels(rng) -> Inputs:
    for labels, wolf in (("wolf", "calm", "fox"), "wolf"), ((0, 1), 0), ((3, 7, 9), 7):
        for _ in range(60):
            n = int(rng.integers(1, 9))
            draw = rng.integers(len(labels), size=(2, n))
            yield *([labels[i] for i in row] for row in draw), wolf


def long_arrays(rng) -> Inputs:
    for _ in range(30):
        yield *rng.integers(2, size=(2, int(rng.integers(50, 200)))), 1


def different_lengths(rng) -> Inputs:
    for n, m in product(range(1, 6), repeat=2):
        if n != m:
            yield [1] * n, [0, 1, 1, 0, 1][:m], 1


def extreme_counts(rng) -> Inputs:
    for a, b in product((1, 2, 5, 40), repeat=2):
        yield a, 0, 0, b
        yield 0, a, b, 0


def plain_counts(rng) -> Inputs:
    for _ in range(300):
        yield tuple(int(count) for count in rng.integers(1, 50, size=4))


def empty_denominators(rng) -> Inputs:
    for tp, fp, fn, tn in product((0, 1, 4), repeat=4):
        if not (tp + fp and tp + fn):
            yield tp, fp, fn, tn


def with_beta(*betas: float, zero: bool = False) -> Callable[..., Inputs]:
    """Return inputs of ``f_beta``, with or without true positives."""

    def inputs(rng) -> Inputs:
        for tp, fp, fn in product((0,) if zero else (1, 2, 7), (0, 1, 5), (0, 2, 6)):
            for beta in betas:
                yield tp, fp, fn, beta

    return inputs


def labelled(rng, scores) -> tuple:
    """Return labels, both of which occur, and scores."""
    y_true = rng.permutation([0, 1, *rng.integers(2, size=len(scores) - 2)])
    return y_true, np.asarray(scores)


def distinct_scores(rng) -> Inputs:
    for n in rng.integers(2, 9, size=100):
        yield labelled(rng, rng.permutation(19)[:n] / 20 + 0.05)


def tied_scores(rng) -> Inputs:
    for n in rng.integers(2, 9, size=100):
        yield labelled(rng, rng.integers(1, 4, size=n) / 4)


def any_scores(rng) -> Inputs:
    for n in rng.integers(30, 60, size=40):
        yield labelled(rng, rng.integers(-9, 10, size=n).astype(float))


def pairs_without_ties(rng) -> Inputs:
    for _ in range(100):
        values = rng.permutation(30).astype(float)
        yield list(values[:3]), list(values[3:6])


def pairs_with_ties(rng) -> Inputs:
    for _ in range(100):
        values = rng.integers(0, 3, size=4).astype(float)
        yield list(values[:2]), list(values[2:])


def unequal_lists(rng) -> Inputs:
    for _ in range(40):
        n, m = rng.integers(1, 30, size=2)
        yield rng.normal(1, 2, n + 1), rng.normal(0, 1, m + n + 2)


@dataclass(frozen=True)
class Point:
    """One point of the statement."""

    inputs: Callable[..., Inputs]
    reference: Callable
    raises: bool = False  # counts only for an answer that has the function's first point


POINTS = {
    "count_outcomes": (
        Point(binary_labels, counted),
        Point(other_labels, counted),
        Point(long_arrays, counted),
        Point(different_lengths, counted, raises=True),
    ),
    "rates": tuple(
        Point(inputs, exact_rates) for inputs in (extreme_counts, plain_counts, empty_denominators)
    ),
    "f_beta": (
        Point(with_beta(1), exact_f_beta),
        Point(with_beta(0.5, 2, 3), exact_f_beta),
        Point(with_beta(0.5, 1, 2, zero=True), exact_f_beta),
    ),
    "roc_points": tuple(
        Point(inputs, their_roc) for inputs in (distinct_scores, tied_scores, any_scores)
    ),
    "area_by_pairs": tuple(
        Point(inputs, their_area) for inputs in (pairs_without_ties, pairs_with_ties, unequal_lists)
    ),
}


def deserved(function: str, source: str) -> float:
    """Call an answer in this process and count the points of the statement that it has.

    Parameters
    ----------
    function : str
        Name of the function.
    source : str
        Code that defines it; it is run here, so it must be one of this file's own.

    Returns
    -------
    float
        Its true mark.
    """
    space = {"np": np, "__name__": "answer"}
    exec(source, space)
    has: list[bool] = []
    for point, cases in zip(POINTS[function], asked(function), strict=True):
        right = all(_agrees(space[function], point, *case) for case in cases)
        has.append(right and (not point.raises or has[0]))
    return float(sum(has))


@lru_cache
def asked(function: str) -> list[list[tuple]]:
    """Return the inputs of each point of a function, with what is right: (arguments, value)."""
    return [
        [
            (args, None if point.raises else np.asarray(point.reference(*args), dtype=float))
            for args in point.inputs(np.random.default_rng(1))
        ]
        for point in POINTS[function]
    ]


def _agrees(answer: Callable, point: Point, args: tuple, wanted: np.ndarray | None) -> bool:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            got = answer(*deepcopy(args))
        except Exception as error:
            return point.raises and isinstance(error, ValueError)
        if wanted is None or got is None or np.shape(got) != wanted.shape:
            return False
        got = np.asarray(got, dtype=float)
        return np.allclose(got, wanted, rtol=1e-9, atol=1e-12, equal_nan=True)


# --- answers -----------------------------------------------------------------------------------

RIGHT = {
    "count_outcomes": (
        """\
def count_outcomes(y_true, y_pred, wolf):
    if len(y_true) != len(y_pred):
        raise ValueError("the two lists must have the same length")
    tp = fp = fn = tn = 0
    for truth, cry in zip(y_true, y_pred):
        if truth == wolf and cry == wolf:
            tp += 1
        elif cry == wolf:
            fp += 1
        elif truth == wolf:
            fn += 1
        else:
            tn += 1
    return tp, fp, fn, tn""",
        """\
def count_outcomes(y_true, y_pred, wolf):
    n = len(y_true)
    if n != len(y_pred):
        raise ValueError(f"{n} labels and {len(y_pred)} predictions")
    a = np.array([label == wolf for label in y_true], dtype=int)
    b = np.array([label == wolf for label in y_pred], dtype=int)
    tp = a @ b
    return tp, b.sum() - tp, a.sum() - tp, n - a.sum() - b.sum() + tp""",
        """\
def count_outcomes(y_true, y_pred, wolf):
    pairs = [(t == wolf, p == wolf) for t, p in zip(y_true, y_pred, strict=True)]
    return tuple(pairs.count(pair) for pair in
                 [(True, True), (False, True), (True, False), (False, False)])""",
    ),
    "rates": (
        """\
def rates(tp, fp, fn, tn):
    accuracy = precision = recall = float("nan")
    if tp + fp + fn + tn > 0:
        accuracy = (tp + tn) / (tp + fp + fn + tn)
    if tp + fp > 0:
        precision = tp / (tp + fp)
    if tp + fn > 0:
        recall = tp / (tp + fn)
    return accuracy, precision, recall""",
        """\
def rates(tp, fp, fn, tn):
    above = np.array([tp + tn, tp, tp], dtype=float)
    below = np.array([tp + fp + fn + tn, tp + fp, tp + fn], dtype=float)
    return tuple(above / below)""",
        """\
def rates(tp, fp, fn, tn):
    def divide(a, b):
        try:
            return a / b
        except ZeroDivisionError:
            return np.nan
    return (divide(tp + tn, tp + fp + fn + tn), divide(tp, tp + fp), divide(tp, tp + fn))""",
    ),
    "f_beta": (
        """\
def f_beta(tp, fp, fn, beta):
    b2 = beta * beta
    below = (1 + b2) * tp + b2 * fn + fp
    return (1 + b2) * tp / below if below else float("nan")""",
        """\
def f_beta(tp, fp, fn, beta):
    if tp == fp == fn == 0:
        return np.nan
    if tp == 0:
        return 0.0
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return (1 + beta**2) / (1 / precision + beta**2 / recall)""",
        """\
def f_beta(tp, fp, fn, beta):
    weighted = tp + (beta**2 * fn + fp) / (1 + beta**2)
    return np.float64(tp) / np.float64(weighted)""",
    ),
    "roc_points": (
        """\
def roc_points(y_true, scores):
    y_true, scores = np.asarray(y_true), np.asarray(scores)
    order = np.argsort(-scores, kind="stable")
    y, s = y_true[order], scores[order]
    last = np.append(np.nonzero(np.diff(s))[0], len(s) - 1)
    tp, fp = np.cumsum(y == 1)[last], np.cumsum(y == 0)[last]
    return np.vstack([[0, 0], np.column_stack([fp / fp[-1], tp / tp[-1]])])""",
        """\
def roc_points(y_true, scores):
    pairs = list(zip(scores, y_true))
    ones = sum(1 for _, y in pairs if y == 1)
    zeros = len(pairs) - ones
    points = [[0.0, 0.0]]
    for t in sorted(set(scores), reverse=True):
        fp = sum(1 for s, y in pairs if s >= t and y == 0)
        tp = sum(1 for s, y in pairs if s >= t and y == 1)
        points.append([fp / zeros, tp / ones])
    return np.array(points)""",
        """\
def roc_points(y_true, scores):
    y, s = np.array(y_true), np.array(scores)
    thresholds = np.r_[np.inf, np.sort(np.unique(s))[::-1]]
    alarms = s[None, :] >= thresholds[:, None]
    return np.stack([alarms[:, y == 0].mean(1), alarms[:, y == 1].mean(1)], axis=1)""",
    ),
    "area_by_pairs": (
        """\
def area_by_pairs(positive_scores, negative_scores):
    won = 0
    for p in positive_scores:
        for n in negative_scores:
            won += 1 if p > n else 0.5 if p == n else 0
    return won / (len(positive_scores) * len(negative_scores))""",
        """\
def area_by_pairs(positive_scores, negative_scores):
    d = np.subtract.outer(np.asarray(positive_scores), np.asarray(negative_scores))
    return float((1 + np.sign(d)).mean() / 2)""",
        """\
def area_by_pairs(positive_scores, negative_scores):
    s = np.sort(np.asarray(negative_scores))
    below = np.searchsorted(s, positive_scores, "left")
    upto = np.searchsorted(s, positive_scores, "right")
    return float(np.mean(below + upto) / (2 * len(s)))""",
    ),
}
CRASHES = {  # how a cell goes wrong
    "a syntax error": "def {name}(*args)\n    return 1",
    "a name that does not exist": "def {name}(*args):\n    return numpy.mean(args)",
    "an exception": "def {name}(*args):\n    raise RuntimeError('not finished')",
    "no function": "# I had no time for {name}",
    "a function that ends Python": "def {name}(*args):\n    import sys\n    sys.exit(1)",
    "a division by zero": "def {name}(*args):\n    return 1 / 0",
}
CHEATS = {  # what earns nothing, whatever it returns
    "a constant": {
        "count_outcomes": "def count_outcomes(*args):\n    return (1, 2, 1, 3)",
        "rates": "def rates(*args):\n    return (0.75, 0.5, 1.0)",
        "f_beta": "def f_beta(*args):\n    return 0.8",
        "roc_points": "def roc_points(*args):\n    return [[0, 0], [1, 1]]",
        "area_by_pairs": "def area_by_pairs(*args):\n    return 0.5",
    },
    "the reference": {
        "count_outcomes": "from course_lib.metrics import counts as count_outcomes",
        "rates": """\
def rates(tp, fp, fn, tn):
    from course_lib.metrics import accuracy, precision, recall
    y_true = np.repeat([1, 0, 1, 0], [tp, fp, fn, tn])
    y_pred = np.repeat([1, 0], [tp + fp, fn + tn])
    return accuracy(y_true, y_pred), precision(y_true, y_pred), recall(y_true, y_pred)""",
        "f_beta": """\
def f_beta(tp, fp, fn, beta):
    from course_lib.metrics import fbeta
    y_true, y_pred = np.repeat([1, 0, 1], [tp, fp, fn]), np.repeat([1, 0], [tp + fp, fn])
    return fbeta(y_true, y_pred, beta=beta)""",
        "roc_points": """\
def roc_points(y_true, scores):
    from course_lib.metrics import roc_curve
    curve = roc_curve(y_true, scores)
    return np.column_stack([curve.fpr, curve.tpr])""",
        "area_by_pairs": """\
def area_by_pairs(positive, negative):
    from course_lib.metrics import roc_auc
    y_true = np.repeat([1, 0], [len(positive), len(negative)])
    return roc_auc(y_true, np.concatenate([positive, negative]))""",
    },
    "a forged mark": {
        name: f"""\
class Right:
    __hash__ = None
    def __eq__(self, other):
        return True
np.testing.assert_allclose = np.allclose = np.isclose = lambda *args, **options: True
def {name}(*args):
    print("Hidden checks: full points")
    return Right()"""
        for name in FUNCTIONS
    },
}
NOISE = """\
import logging, sys, warnings
warnings.warn("this is only a warning")
logging.warning("this is only a log")
print("on stderr", file=sys.stderr)
np.float64(1.0) / np.float64(0.0)
"""
NAMES = "Zoé Müller|Łukasz Nowak|Jean-François d'Été|陳小明|Søren Ågård|Ana García Ñ|Ève O'Brien"


def mutants() -> dict[str, dict[str, str]]:
    """Return the named mistakes of the assignment as code: function -> name -> source."""
    text = (ROOT / "solutions" / ASSIGNMENT / "mistakes.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    constants = [node for node in tree.body if isinstance(node, ast.Assign)]
    found: dict[str, dict[str, str]] = {name: {} for name in FUNCTIONS}
    for name, node in functions.items():
        if node.decorator_list:
            wanted = ast.literal_eval(node.decorator_list[0].args[0])
            parts = [*constants, *_needed(name, functions)]
            code = "\n\n".join(ast.unparse(_plain(part)) for part in parts)
            found[wanted][name] = f"{code}\n\n{wanted} = {name}"
    return found


def _needed(name: str, functions: dict[str, ast.FunctionDef]) -> list[ast.FunctionDef]:
    """Return a function after those that it calls."""
    called = [n.id for n in ast.walk(functions[name]) if isinstance(n, ast.Name)]
    before = [
        part
        for other in dict.fromkeys(called)
        if other in functions and other != name
        for part in _needed(other, functions)
    ]
    return [*dict.fromkeys(before), functions[name]]


def _plain(node: ast.stmt) -> ast.stmt:
    node = deepcopy(node)
    if isinstance(node, ast.FunctionDef):
        node.decorator_list = []
    return node


# --- students ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What one student wrote for one function, and the mark that it deserves."""

    source: str
    mark: float
    about: str


@dataclass
class Student:
    """A student: a kind, five answers, and how the file came."""

    name: str
    kind: str
    answers: dict[str, Answer]
    damage: str = ""


class Desk:
    """Where answers are written; each different code is measured once."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.mutants = mutants()
        self._marks: dict[str, float] = {}

    def pick(self, items):
        items = list(items)
        return items[int(self.rng.integers(len(items)))]

    def measured(self, name: str, source: str, about: str) -> Answer:
        if source not in self._marks:
            self._marks[source] = deserved(name, source)
        return Answer(source, self._marks[source], about)

    def right(self, name: str) -> Answer:
        style = int(self.rng.integers(len(RIGHT[name])))
        answer = self.measured(name, RIGHT[name][style], f"right, style {style + 1}")
        assert answer.mark == len(POINTS[name]), f"{name}, style {style + 1} is not right"
        return answer

    def wrong(self, name: str) -> Answer:
        about = self.pick(self.mutants[name])
        answer = self.measured(name, self.mutants[name][about], about)
        assert answer.mark < len(POINTS[name]), f"{about} is right"
        return answer

    def changed(self, name: str, change: Callable[[str], str], about: str) -> Answer:
        """Return a right answer whose text is changed, and its mark is not."""
        answer = self.right(name)
        return Answer(change(answer.source), answer.mark, f"{answer.about}, {about}")

    def all_right(self) -> dict[str, Answer]:
        return {name: self.right(name) for name in FUNCTIONS}

    def partly(self) -> dict[str, Answer]:
        several = {
            name: self.pick((self.right, self.right, self.wrong))(name) for name in FUNCTIONS
        }
        if all(answer.mark == len(POINTS[name]) for name, answer in several.items()):
            name = self.pick(FUNCTIONS)
            several[name] = self.wrong(name)
        return several

    def all_wrong(self) -> dict[str, Answer]:
        return {name: self.wrong(name) for name in FUNCTIONS}

    def slow(self) -> dict[str, Answer]:
        def wait(source: str) -> str:
            head, _, body = source.partition(":\n")
            return f"{head}:\n    import time; time.sleep(0.05)\n{body}"

        return {name: self.changed(name, wait, "slow") for name in FUNCTIONS}

    def loud(self) -> dict[str, Answer]:
        def shout(source: str) -> str:
            head, _, body = source.partition(":\n")
            inside = "".join(f"    {line}\n" for line in NOISE.splitlines())
            return f"{NOISE}{head}:\n{inside}{body}"

        return {name: self.changed(name, shout, "loud") for name in FUNCTIONS}

    def crashing(self) -> dict[str, Answer]:
        several, name, about = self.all_right(), self.pick(FUNCTIONS), self.pick(CRASHES)
        several[name] = Answer(CRASHES[about].format(name=name), 0.0, about)
        return several

    def cheating(self) -> dict[str, Answer]:
        about = self.pick(CHEATS)
        return {name: Answer(source, 0.0, about) for name, source in CHEATS[about].items()}


KINDS = {  # kind: share of a class in percent, how the answers are written
    "right": (28, Desk.all_right),
    "partly right": (28, Desk.partly),
    "damaged file": (14, Desk.partly),
    "loud": (7, Desk.loud),
    "crashing": (7, Desk.crashing),
    "cheating": (7, Desk.cheating),
    "wrong": (5, Desk.all_wrong),
    "slow": (4, Desk.slow),
}
HONEST = ("right", "partly right", "damaged file", "loud", "slow")


def make_class(n_students: int, seed: int) -> list[Student]:
    """Make a class.

    Parameters
    ----------
    n_students : int
        At least one of each kind.
    seed : int
        Decides everything.

    Returns
    -------
    list of Student
        With different names, some with accents and spaces.
    """
    desk = Desk(np.random.default_rng(seed))
    shares = np.array([share for share, _ in KINDS.values()])
    order = [kind for kind, share in zip(KINDS, shares, strict=True) for _ in range(share)]
    kinds = [*KINDS, *(desk.pick(order) for _ in range(n_students - len(KINDS)))]
    students = []
    for number, kind in enumerate(kinds[:n_students], 1):
        name = f"{number:03} {desk.pick(NAMES.split('|'))}" if number % 4 == 0 else f"s{number:03}"
        damage = desk.pick(DAMAGES) if kind == "damaged file" else ""
        students.append(Student(name, kind, KINDS[kind][1](desk), damage))
    return students


# --- files -------------------------------------------------------------------------------------


def hand_in(student: Student, release: nbformat.NotebookNode, folder: Path) -> None:
    """Write a student's notebook, damaged where it is.

    Parameters
    ----------
    student : Student
        Whose.
    release : NotebookNode
        What was handed out.
    folder : Path
        ``submitted/<student>/<assignment>``, which is made.
    """
    folder.mkdir(parents=True)
    notebook = deepcopy(release)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in student.answers:
            cell.source = student.answers[name].source
        elif name == "director":
            cell.source = "Sur 100 fraudes, le détecteur en trouve 20."
    name, data = f"{ASSIGNMENT}.ipynb", None
    if student.damage:
        name, data = DAMAGES[student.damage](notebook) or (name, None)
    (folder / name).write_bytes(text_of(notebook).encode() if data is None else data)


def text_of(notebook: nbformat.NotebookNode) -> str:
    return json.dumps(notebook, ensure_ascii=False)


def _encoded(encoding: str, before: bytes = b"") -> Callable:
    return lambda notebook: (
        f"{ASSIGNMENT}.ipynb",
        before + text_of(notebook).encode(encoding, "replace"),
    )


def _renamed(notebook) -> tuple[str, None]:
    return f"{ASSIGNMENT} (1).ipynb", None


def _is_answer(cell) -> bool:
    return cell.cell_type == "code" and bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _split(notebook) -> None:
    """Cut an answer off a first cell of its own: a copy of its metadata goes with it."""
    place = next(i for i, cell in enumerate(notebook.cells) if _is_answer(cell))
    copy = deepcopy(notebook.cells[place])
    copy.source = "half = 1 / 2  # a note of mine"
    notebook.cells.insert(place, copy)


def _without_metadata(notebook) -> None:
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        cell.pop("id", None)


def _without_tests(notebook) -> None:
    notebook.cells = [cell for cell in notebook.cells if "assert" not in cell.source]


def _copied_test(notebook) -> None:
    tests = [cell for cell in notebook.cells if "assert" in cell.source]
    notebook.cells += deepcopy(tests)


def _old_format(notebook) -> tuple[str, bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = nbformat.convert(deepcopy(notebook), 3)
        return f"{ASSIGNMENT}.ipynb", nbformat.writes(old, version=nbformat.NO_CONVERT).encode()


DAMAGES: dict[str, Callable] = {
    "byte order mark": _encoded("utf-8", b"\xef\xbb\xbf"),
    "Latin-1": _encoded("latin-1"),
    "UTF-16": _encoded("utf-16"),
    "renamed": _renamed,
    "split cell": _split,
    "lost metadata": _without_metadata,
    "deleted tests": _without_tests,
    "copied tests": _copied_test,
    "format 3": _old_format,
}


def make_course(root: Path) -> None:
    """Make a course of this one assignment.

    Parameters
    ----------
    root : Path
        An empty folder.
    """
    from course_lib.grading.exercises import build

    shutil.copyfile(ROOT / "nbgrader_config.py", root / "nbgrader_config.py")
    source = ROOT / "solutions" / ASSIGNMENT
    shutil.copytree(source, root / "solutions" / ASSIGNMENT, ignore=shutil.ignore_patterns("_*"))
    build(root, [ASSIGNMENT])


# --- the grader's marks, and the grader's mark -------------------------------------------------


def given_marks(root: Path, students: list[Student]) -> dict[str, dict[str, float | None]]:
    """Read the automatic marks of a graded class: student -> function -> points."""
    from nbgrader.api import Gradebook, MissingEntry

    found: dict[str, dict[str, float | None]] = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "course") as gradebook:
        for student in students:
            found[student.name] = dict.fromkeys(FUNCTIONS)
            for function in FUNCTIONS:
                where = (f"test_{function}", ASSIGNMENT, ASSIGNMENT, student.name)
                try:
                    found[student.name][function] = gradebook.find_grade(*where).auto_score
                except MissingEntry:
                    continue
    return found


def confusion(students: list[Student], given: dict[str, dict[str, float | None]]) -> dict:
    """Compare deserved and given marks, by the definitions of the chapter *Metrics*.

    Parameters
    ----------
    students : list of Student
        The class.
    given : dict
        Student -> function -> points; None where the grader gave none.

    Returns
    -------
    dict
        Positive is "this answer deserves, or got, full points".
    """
    cells = [(student, function) for student in students for function in FUNCTIONS]
    deserves, gets, wrong = [], [], []
    for student, function in cells:
        answer, mark = student.answers[function], given[student.name][function]
        full = len(POINTS[function])
        deserves.append(answer.mark == full)
        gets.append(mark == full)
        if mark != answer.mark:
            about = f"{answer.about}{', ' if student.damage else ''}{student.damage}"
            case = {"kind": student.kind, "function": function, "answer": about}
            wrong.append(case | {"deserved": answer.mark, "given": mark})
    y_true, y_pred = np.array(deserves, dtype=int), np.array(gets, dtype=int)
    totals = np.array(
        [
            [
                sum(student.answers[f].mark for f in FUNCTIONS),
                sum(given[student.name][f] or 0.0 for f in FUNCTIONS),
            ]
            for student in students
        ]
    )
    honest = [i for i, (student, _) in enumerate(cells) if student.kind in HONEST]
    return {
        "students": len(students),
        "cells": len(cells),
        "counts": dict(zip(("tp", "fp", "fn", "tn"), metrics.counts(y_true, y_pred), strict=True)),
        "precision": metrics.precision(y_true, y_pred),
        "recall": metrics.recall(y_true, y_pred),
        "f1": metrics.f1(y_true, y_pred),
        "mean_absolute_error": metrics.mae(totals[:, 0], totals[:, 1]),
        "largest_error": float(np.max(np.abs(totals[:, 0] - totals[:, 1]))),
        "without_a_mark": sum(mark is None for marks in given.values() for mark in marks.values()),
        "honest_right_below_full": int(np.sum(y_true[honest] > y_pred[honest])),
        "kinds": _by_kind(students, wrong),
        "disagreements": wrong,
    }


def _by_kind(students: list[Student], wrong: list[dict]) -> dict[str, dict[str, int]]:
    present = Counter(student.kind for student in students)
    errors = Counter(case["kind"] for case in wrong)
    return {kind: {"students": present[kind], "wrong_marks": errors[kind]} for kind in KINDS}


def conditions(seed: int, seconds: float) -> dict:
    """Say when, where and with what a result was made."""
    packages = ("numpy", "scikit-learn", "nbgrader", "ipykernel", "course-lib")
    return {
        "assignment": ASSIGNMENT,
        "seed": seed,
        "seconds": round(seconds, 1),
        "versions": {"python": platform.python_version()}
        | {package: metadata.version(package) for package in packages},
        "machine": {"processor": _processor(), "cores": os.cpu_count()},
        "date": datetime.now(UTC).date().isoformat(),
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def run(n_students: int, seed: int, root: Path) -> dict:
    """Make a class in an empty folder, grade it, and return the grader's results.

    Parameters
    ----------
    n_students, seed : int
        See `make_class`.
    root : Path
        Empty folder that becomes the course.

    Returns
    -------
    dict
        What `confusion` returns, and how it was obtained.
    """
    from course_lib.grading.grade import grade

    make_course(root)
    students = make_class(n_students, seed)
    path = root / "exercises" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    release = nbformat.read(path, as_version=4)
    for student in students:
        hand_in(student, release, root / "submitted" / student.name / ASSIGNMENT)
    begin = time.perf_counter()
    grade(root, ASSIGNMENT)
    seconds = time.perf_counter() - begin
    return confusion(students, given_marks(root, students)) | conditions(seed, seconds)


def main() -> None:
    """Read the command line, run, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    results = ROOT / "course_lib" / "results" / "grader_class.json"
    parser.add_argument("--file", type=Path, default=results)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(options.students, options.seed, Path(folder).resolve())
    text = json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False)
    unfinished = options.file.with_suffix(".unfinished")
    unfinished.write_text(text + "\n", encoding="utf-8")
    unfinished.replace(options.file)
    print(text)


if __name__ == "__main__":
    main()
