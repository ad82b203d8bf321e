"""What a teacher reads after grading: one page about the class, and the marks for Moodle."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from course_lib.grading import checks, gradebook, records, source
from course_lib.grading.anonymous import anonymous, identities, visible, without_comments
from course_lib.grading.course import configuration, surroundings
from course_lib.grading.export import marks, write_csv
from course_lib.grading.item_statistics import FEWEST, item_rest_correlation, wilson_interval
from course_lib.grading.records import Record

__all__ = ["moodle_csv", "report"]

TEACH_AGAIN = 0.75  # pass rate below which a check may be in the short list
N_BINS = 10
MAX_LINES = 60  # of an example
WHO = ("student", "first_name", "last_name", "email")


def report(root: Path, assignment: str) -> Path:
    """Write the teacher's page about an assignment; it holds marks, and is not to be published.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment, as in ``solutions/``.

    Returns
    -------
    Path
        ``reports/<assignment>.html``, a page that needs no other file and runs no script.

    Raises
    ------
    CourseError
        When the gradebook has no such assignment, or its text or checks cannot be read.
    """
    classroom = _read_class(root, assignment)
    graded = list(classroom.records.values())
    suite = checks.load(root / "solutions" / assignment)
    title, headings = _titles(source.read(root / "solutions" / assignment / f"{assignment}.py"))
    answers = _Answers(root, assignment, suite, classroom.rows)
    summaries = _summaries([record for record in graded if record.checks], suite, answers)
    page = _template().render(
        assignment=assignment,
        title=title,
        now=records.now(),
        headings=headings,
        points=classroom.points,
        problems=classroom.problems,
        summaries=summaries,
        teach_again=_hardest(summaries),
        threshold=TEACH_AGAIN,
        students=list(_students(classroom, headings)),
        totals=_totals(classroom.rows),
        times=_times(graded),
        versions=Counter(tuple(r.versions.items()) for r in graded if r.versions).most_common(),
    )
    path = root / "reports" / f"{assignment}.html"
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(page, encoding="utf-8")
    os.replace(unfinished, path)
    return path


def moodle_csv(root: Path, assignment: str) -> Path:
    """Write the finished marks for Moodle: *Grades*, *Import*, *CSV file* of a Moodle course.

    A mark that is not finished is empty, which Moodle reads as no grade. The comments are the
    teacher's words only. Moodle takes a row without e-mail for one more row of the student above:
    if anybody's is unknown, the column is left out, and "ID number" says who is who.

    Parameters
    ----------
    root : Path
        Root of the course.
    assignment : str
        Name of the assignment.

    Returns
    -------
    Path
        ``marks/<assignment>-moodle.csv``.

    Raises
    ------
    CourseError
        When the gradebook has no such assignment.
    """
    classroom = _read_class(root, assignment)
    by_email = all(row["email"] for row in classroom.rows)
    rows = []
    for row in classroom.rows:
        record = classroom.records.get(row["student"])
        outdated = record and record.status == "failed" and record.checks  # an earlier mark, kept
        finished = row["status"] == "graded" and not outdated
        rows.append(
            {
                **({"Email address": row["email"]} if by_email else {}),
                "ID number": row["student"],
                "Full name": _name(row),
                "Grade": round(row["total"], 5) if finished else "",  # Moodle keeps 5 decimals
                "Maximum grade": row["max"],
                "Feedback comments": _comments(record) if finished and record else "",
            }
        )
    write_csv(rows, path := root / "marks" / f"{assignment}-moodle.csv")
    return path


def _comments(record: Record) -> str:
    """Say where points were lost, in one line without a word of the student's."""
    return " ".join(
        f"{item['title']} {item['earned']:g} of {item['points']:g}. {item['hint']}".strip()
        for item in record.checks
        if item["earned"] < item["points"]
    )


# --- numbers ----------------------------------------------------------------------------------


def _totals(rows: list[dict]) -> dict[str, Any]:
    """Count the totals in bins: those that are final, and those that wait for manual marks."""
    highest = max([row["max"] for row in rows], default=0.0) or 1.0
    final, waiting = (
        np.array([row["total"] for row in rows if row["status"] == status])
        for status in ("graded", "needs manual grading")
    )
    edges = np.linspace(0.0, highest, N_BINS + 1)
    counts = [np.histogram(np.clip(part, 0, highest), edges)[0] for part in (final, waiting)]
    known = final if len(final) else waiting
    return {
        "bins": list(zip(edges[:-1], edges[1:], *counts, strict=True)),
        "tallest": max(1, *(counts[0] + counts[1])),
        "median": float(np.median(known)) if len(known) else None,
        "final": len(final),
        "waiting": len(waiting),
        "max": highest,
    }


def _times(graded: list[Record]) -> dict[str, Any]:
    seconds = [record.seconds for record in graded]
    median = float(np.median(seconds)) if seconds else None
    slowest = sorted(graded, key=lambda r: (-r.seconds, r.student))[:5]
    return {"median": median, "total": math.fsum(seconds), "slowest": slowest}


# --- what is known about the class ------------------------------------------------------------


@dataclass(frozen=True)
class _Class:
    rows: list[dict]  # one for each student, see `export.marks`
    points: dict[str, float]  # of each graded cell
    late: dict[str, float]  # seconds, of the students who were late
    records: dict[str, Record]
    problems: list[str]


def _read_class(root: Path, assignment: str) -> _Class:
    config = configuration(root)
    with surroundings():
        gradebook.require_assignment(config, assignment)
        with gradebook.open_gradebook(config) as book:
            rows, entry = marks(book, assignment), book.find_assignment(assignment)
            items = [item for nb in entry.notebooks for item in (*nb.grade_cells, *nb.task_cells)]
            points = {item.name: item.max_score for item in items}
            late = {one.student.id: one.total_seconds_late for one in entry.submissions}
    students = [row["student"] for row in rows]
    found = {student: records.read(root, assignment, student) for student in students}
    known = {student: record for student, record in found.items() if record}
    files = {path.stem for path in (root / "records" / assignment).glob("*.json")}
    problems = [
        f"{name}: {'cannot be read' if name in students else 'not in the gradebook'}"
        for name in sorted(files - set(known))
    ]
    return _Class(rows, points, {s: t for s, t in late.items() if t > 0}, known, problems)


def _titles(notebook: Any) -> tuple[str, dict[str, str]]:
    """Return the title of an assignment, and the nearest heading above each graded cell."""
    headings, titles = [], {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings += re.findall(r"^#+ +(?!BEGIN |END )(.+?) *$", cell.source, flags=re.MULTILINE)
        if name := cell.metadata.get("nbgrader", {}).get("grade_id"):
            titles[name] = headings[-1].replace("`", "") if headings else ""
    return headings[0] if headings else "", titles


def _name(row: dict) -> str:
    return " ".join(row[key] for key in ("first_name", "last_name") if row[key])


def _students(classroom: _Class, headings: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what explains each student's mark."""
    cells = [name for name in headings if name in classroom.points]
    cells += sorted(set(classroom.points) - set(headings))
    for number, row in enumerate(classroom.rows, 1):
        record = classroom.records.get(row["student"])
        failed = bool(record) and record.status == "failed"
        yield {
            "number": number,
            "id": row["student"],
            "name": _name(row),
            "row": row,
            "record": record,
            "failed": failed,
            "state": "failed" if failed and row["status"] == "not graded" else row["status"],
            "late": classroom.late.get(row["student"], 0.0),
            "cells": [_marked(name, row, record) for name in cells],
        }


def _marked(name: str, row: dict, record: Record | None) -> dict[str, Any]:
    """Return a cell's mark and the checks that it comes of."""
    results = [item for item in record.checks if item["cell"] == name] if record else []
    earned = math.fsum(item["earned"] for item in results)
    by_hand = bool(results) and row[name] is not None and not math.isclose(row[name], earned)
    return {"name": name, "score": row[name], "results": results, "by_hand": by_hand}


# --- one check --------------------------------------------------------------------------------


def _summaries(graded: list[Record], suite: checks.Suite, answers: _Answers) -> list[dict]:
    """Summarise each check, in the order of the checks' file; checks that are gone come last."""
    results = {r.student: {(c["cell"], c["check"]): c for c in r.checks} for r in graded}
    asked = {key for of_one in results.values() for key in of_one}
    keys = [key for item in suite.checks if (key := (item.cell, item.name)) in asked]
    keys += sorted(asked - set(keys))
    earned = [
        [of_one[key]["earned"] if key in of_one else math.nan for key in keys]
        for of_one in results.values()
    ]
    correlations = item_rest_correlation(earned) if keys else []
    return [
        _summarise({s: of_one[key] for s, of_one in results.items() if key in of_one}, r, answers)
        for key, r in zip(keys, correlations, strict=True)
    ]


def _summarise(results: dict[str, dict], correlation: float, answers: _Answers) -> dict[str, Any]:
    """Summarise one check from its results by student."""
    item = next(iter(results.values()))
    shares = np.array([result["earned"] / result["points"] for result in results.values()])
    failed = {s: result for s, result in results.items() if result["earned"] < result["points"]}
    wrong = {s: result for s, result in failed.items() if _was_counted(result)}
    n, passed = len(results), len(results) - len(failed)
    why_blank = f"fewer than {FEWEST} submissions" if n < FEWEST else "nothing varies"
    return {
        **{key: item[key] for key in ("cell", "check", "title", "points")},
        "n": n,
        "passed": passed,
        "rate": passed / n,
        "interval": tuple(map(float, wilson_interval(passed, n))),
        "share": float(np.mean(shares)),
        "discrimination": None if math.isnan(correlation) else float(correlation),
        "why_blank": why_blank,
        "wrong": len(wrong),
        "not_judged": len(failed) - len(wrong),
        "finding": _finding(wrong, answers) if wrong else None,
    }


def _hardest(summaries: list[dict]) -> list[dict]:
    """Return, hardest first, up to five checks that few pass: of a cell, the one most get wrong."""
    few = [one for one in summaries if one["rate"] < TEACH_AGAIN and one["wrong"]]
    of_cell = {one["cell"]: one for one in sorted(few[::-1], key=lambda one: one["wrong"])}
    return sorted(of_cell.values(), key=lambda one: (one["rate"], -one["points"]))[:5]


def _was_counted(result: dict) -> bool:
    """Say whether a check was asked and judged, and not left out because of another one."""
    return not result["message"].startswith(("not counted before", "not run:"))


def _finding(wrong: dict[str, dict], answers: _Answers) -> dict[str, Any]:
    """Find the named mistake that most students made; if there is none, the commonest message."""
    named = Counter(result["mistake"] for result in wrong.values() if result["mistake"])
    counts = named or Counter(result["message"] for result in wrong.values())
    # The first in the alphabet among equals: the page must not change from run to run.
    what, count = min(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    key = "mistake" if named else "message"
    alike = {s: result for s, result in wrong.items() if result[key] == what}
    mistake = answers.mistakes.get(what) if named else None
    return {
        "name": what if named else "",
        "title": mistake.title if mistake else "",
        "hint": mistake.hint if mistake else next(iter(alike.values()))["hint"],
        "count": count,
        "others": len(named) - 1 if named else 0,
        "example": answers.example(alike),
    }


class _Answers:
    """What students wrote, shown without saying who."""

    def __init__(self, root: Path, assignment: str, suite: checks.Suite, rows: list[dict]) -> None:
        self.mistakes = {mistake.name: mistake for mistake in suite.mistakes}
        self._functions = {(item.cell, item.name): item.function for item in suite.checks}
        self._names = {row["student"]: identities(*map(row.get, WHO)) for row in rows}
        self._place = (root / "autograded", Path(assignment) / f"{assignment}.ipynb")
        self._sources = lru_cache(maxsize=None)(self._read)

    def example(self, alike: dict[str, dict]) -> dict[str, str]:
        """Choose, of answers that are wrong alike, the one with least to hide, and short."""
        found = [self._example(student, alike[student]) for student in sorted(alike)[:20]]
        return min(found, key=lambda e: (not e["code"], e["code"].count("…"), len(e["code"])))

    def _example(self, student: str, result: dict) -> dict[str, str]:
        function = self._functions.get((result["cell"], result["check"]), "")
        code = without_comments(self._sources(student).get(function, ""))
        names = self._names[student]
        lines = anonymous(code, names).splitlines()
        lines = lines[:MAX_LINES] + ["..."] * (len(lines) > MAX_LINES)
        return {"message": anonymous(result["message"], names), "code": "\n".join(lines)}

    def _read(self, student: str) -> dict[str, str]:
        """Return the sources of a student's cells by grade id."""
        path = self._place[0] / student / self._place[1]
        try:
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        except (OSError, ValueError, KeyError):
            return {}
        return {
            cell["metadata"].get("nbgrader", {}).get("grade_id", ""): "".join(cell["source"])
            for cell in cells
        }


# --- the page ---------------------------------------------------------------------------------


def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": _duration, "local": _local, "ticks": _ticks, "utc": _utc}
    return environment.get_template("report.html.j2")


def _visible(value: Any) -> Any:
    """Show a text's invisible characters; what the template made is left as it is."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return visible(value)
    return value


def _ticks(text: str) -> Markup:
    """Set what stands between back-ticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(visible(text)))))


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M %Z}"


def _utc(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _duration(seconds: float) -> str:
    """Write a duration with its two largest units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    left, parts = round(seconds), []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        number, left = divmod(left, size)
        parts += [f"{number} {unit}"] if number else []
    return " ".join(parts[:2])
