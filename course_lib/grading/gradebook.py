"""The course's gradebook, and the small one of each submission's workplace.

nbgrader's tables are copied row by row, with their ids, so that what comes back finds its place.
The course's gradebook is the database of ``c.CourseDirectory.db_url``, such as PostgreSQL's
``postgresql+psycopg2://user@host/name``; where nothing is set, SQLite's file ``gradebook.db``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbgrader.api
from nbgrader.api import Base, Gradebook
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    case,
    create_engine,
    insert,
    inspect,
    make_url,
    select,
    true,
    update,
)

from course_lib.grading.course import CourseError

if TYPE_CHECKING:
    from traitlets.config import Config

__all__ = [
    "Rows",
    "add_submission",
    "automatic_marks",
    "create",
    "export",
    "has_assignment",
    "merge",
    "open_gradebook",
    "require_assignment",
]

Rows = dict[str, list[dict[str, Any]]]  # rows by the name of their table
TABLES = Base.metadata.tables
# (table, column, the table that the column refers to): what belongs to an assignment,
TEACHERS = [
    ("notebook", "assignment_id", "assignment"),
    ("base_cell", "notebook_id", "notebook"),
    ("grade_cells", "id", "base_cell"),
    ("solution_cells", "id", "base_cell"),
    ("task_cells", "id", "base_cell"),
    ("source_cell", "notebook_id", "notebook"),
]
# and what belongs to a student.
STUDENTS = [
    ("submitted_assignment", "student_id", "student"),
    ("submitted_notebook", "assignment_id", "submitted_assignment"),
    ("grade", "notebook_id", "submitted_notebook"),
    ("comment", "notebook_id", "submitted_notebook"),
]
# Two rows are the same one where these columns are equal; their ids may differ.
SAME = {
    "student": ["id"],
    "submitted_assignment": ["assignment_id", "student_id"],
    "submitted_notebook": ["notebook_id", "assignment_id"],
    "grade": ["cell_id", "notebook_id"],
    "comment": ["cell_id", "notebook_id"],
}
# All that is changed in a row that exists: what a teacher writes is in other columns.
AUTOMATIC = {
    "student": [],
    "submitted_assignment": ["timestamp"],
    "submitted_notebook": ["late_submission_penalty"],
    "grade": ["auto_score"],
    "comment": ["auto_comment"],
}


# An engine compiles each statement once. nbgrader opens a gradebook nine times for a submission,
# and would take a new engine each time: half of the grader's work was compiling the same SQL.
_engine = nbgrader.api.create_engine = lru_cache(maxsize=4)(create_engine)


def _url(config: Config) -> URL:
    url = make_url(config.CourseDirectory.db_url)
    # Somebody else may be writing into the file: wait longer than SQLite's five seconds.
    impatient = url.get_backend_name() == "sqlite" and "timeout" not in url.query
    return url.update_query_dict({"timeout": "60"}) if impatient else url


def _address(config: Config) -> str:
    return _url(config).render_as_string(hide_password=False)


def _shared_engine(config: Config) -> Engine:
    return _engine(_address(config), echo=False, future=True)  # as nbgrader calls it


@contextmanager
def _transaction(config: Config) -> Iterator[Connection]:
    engine = _shared_engine(config)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def open_gradebook(config: Config) -> Gradebook:
    """Open a gradebook as nbgrader does.

    Parameters
    ----------
    config : traitlets.config.Config
        Settings, see `course.configuration`.

    Returns
    -------
    nbgrader.api.Gradebook
        To be closed, e.g. by ``with``.
    """
    return Gradebook(_address(config), config.CourseDirectory.course_id)


def has_assignment(config: Config, assignment: str) -> bool:
    """Say whether an assignment is in the gradebook; nothing is made where there is none.

    Parameters
    ----------
    config : traitlets.config.Config
        Settings, see `course.configuration`.
    assignment : str
        Name of the assignment.

    Returns
    -------
    bool
        True when ``course exercises`` has put it there.
    """
    url, table = _url(config), TABLES["assignment"]
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return False
    with _transaction(config) as connection:
        exists = inspect(connection).has_table(table.name)
        return exists and bool(_rows(connection, table, table.c.name == assignment))


def require_assignment(config: Config, assignment: str) -> None:
    """Raise an error when an assignment is not in the gradebook.

    Parameters
    ----------
    config : traitlets.config.Config
        Settings, see `course.configuration`.
    assignment : str
        Name of the assignment.

    Raises
    ------
    CourseError
        It says which command puts it there.
    """
    if not has_assignment(config, assignment):
        words = f"is not in the gradebook: run `course exercises {assignment}` first"
        raise CourseError(f"{assignment} {words}")


def export(config: Config, assignment: str) -> tuple[Rows, dict[str, Rows]]:
    """Read all that a gradebook knows about an assignment.

    Parameters
    ----------
    config : traitlets.config.Config
        Settings, see `course.configuration`.
    assignment : str
        Name of an assignment that is in the gradebook.

    Returns
    -------
    tuple of Rows and dict of Rows
        The rows of the assignment itself, and those of each student of the gradebook by id.
    """
    with _transaction(config) as connection:
        shared = _assignment(connection, assignment)
        return shared, _students(connection, shared["assignment"][0]["id"])


def _rows(connection: Connection, table: Table, *where: Any) -> list[dict[str, Any]]:
    """Return rows of a table, in the order of their ids: the same one in each database."""
    found = connection.execute(select(table).where(*where)).mappings()
    return sorted(map(dict, found), key=lambda row: row["id"])


def _assignment(connection: Connection, assignment: str) -> Rows:
    entry, course = TABLES["assignment"], TABLES["course"]
    found = {"assignment": _rows(connection, entry, entry.c.name == assignment)}
    owner = found["assignment"][0]["course_id"]
    found["course"] = _rows(connection, course, course.c.id == owner)
    for name, column, parent in TEACHERS:
        ids = [row["id"] for row in found[parent]]
        found[name] = _rows(connection, TABLES[name], TABLES[name].c[column].in_(ids))
    return found


def _students(connection: Connection, assignment_id: str) -> dict[str, Rows]:
    """Return the rows of each student: one query for each table, however large the class is."""
    found, owner = {}, {}  # owner: the student to whom the row with an id belongs
    for row in _rows(connection, TABLES["student"]):
        found[row["id"]] = {"student": [row]} | {name: [] for name, _, _ in STUDENTS}
        owner["student", row["id"]] = row["id"]
    submission = TABLES["submitted_assignment"]
    conditions = {"submitted_assignment": submission.c.assignment_id == assignment_id}
    for name, column, parent in STUDENTS:
        if name not in conditions:
            ids = select(TABLES[parent].c.id).where(conditions[parent])
            conditions[name] = TABLES[name].c[column].in_(ids)
        for row in _rows(connection, TABLES[name], conditions[name]):
            student = owner[name, row["id"]] = owner[parent, row[column]]
            found[student][name].append(row)
    return found


def create(config: Config, *parts: Rows) -> None:
    """Make a gradebook of rows.

    Parameters
    ----------
    config : traitlets.config.Config
        Settings of a workplace that has no gradebook, see `course.configuration`.
    *parts : Rows
        See `export`.
    """
    _shared_engine(config).dispose()  # of connections to what was at this address before
    with _transaction(config) as connection:
        Base.metadata.create_all(connection)
        for rows in parts:
            for name, values in rows.items():
                if values:
                    connection.execute(insert(TABLES[name]), values)


def merge(config: Config, rows: Rows) -> None:
    """Write the automatic marks and comments of a submission, in one transaction.

    In rows that exist, manual marks, extra credit and manual comments stay as they are, also
    those that were written while the submission was being graded.

    Parameters
    ----------
    config : traitlets.config.Config
        Settings, see `course.configuration`.
    rows : Rows
        A student's rows, see `export`, of a workplace's gradebook.
    """
    with _transaction(config) as connection:
        ids: dict[str, str] = {}  # of a row in the workplace -> of the same row here
        for name, columns in SAME.items():
            for row in rows[name]:
                row = row | {column: ids.get(row[column], row[column]) for column in columns}
                ids[row["id"]] = _write(connection, TABLES[name], row)


def _write(connection: Connection, table: Table, row: dict[str, Any]) -> str:
    """Insert a row, or update the automatic columns of the same one; return its id."""
    same = [table.c[column] == row[column] for column in SAME[table.name]]
    old = connection.scalar(select(table.c.id).where(*same))
    if old is None:
        connection.execute(insert(table).values(row))
        return row["id"]
    values = {column: row[column] for column in AUTOMATIC[table.name]}
    if table.name == "grade":
        values["needs_manual_grade"] = _needs_manual_grade(table, row["auto_score"])
    if values:
        connection.execute(update(table).where(table.c.id == old).values(values))
    return old


def _needs_manual_grade(table: Table, auto_score: float | None) -> Any:
    """Return nbgrader's rule: look at a mark again where its automatic part may be new.

    The database computes it: a teacher may enter a mark at any time. Tasks have no automatic part.
    """
    is_automatic = table.c.cell_id.in_(select(TABLES["grade_cells"].c.id))
    needed = true() if auto_score is None else table.c.manual_score.is_not(None)
    return case((is_automatic, needed), else_=table.c.needs_manual_grade)


def automatic_marks(shared: Rows, rows: Rows) -> dict[str, float]:
    """Return a student's automatic marks by the name of the cell; `export` gives the rows.

    Parameters
    ----------
    shared, rows : Rows
        Rows of the assignment, and of the student.

    Returns
    -------
    dict of float
        Empty for a submission that has not been graded.
    """
    names = {row["id"]: row["name"] for row in shared["base_cell"]}
    scores = {names[row["cell_id"]]: row["auto_score"] for row in rows["grade"]}
    return {name: score for name, score in scores.items() if score is not None}


def add_submission(config: Config, assignment: str, student: str) -> None:
    """Let a submission be in the gradebook that could not be graded; marks are not touched.

    Parameters
    ----------
    config : traitlets.config.Config
        Settings, see `course.configuration`.
    assignment, student : str
        Whose submission; a student who is not there is added.
    """
    with open_gradebook(config) as gradebook:
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(assignment, student)
