"""The tiny course, before and after its class is graded."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_class import GRADE, RIGHT, STUDENTS, TINY, course, make_course, submit

from course_lib.grading import records

collect_ignore = ["fixtures"]  # an assignment is no module with doctests


@pytest.fixture
def tiny_course(tmp_path: Path) -> Path:
    """A course that nothing has been built in."""
    return make_course(tmp_path)


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A class that has been graded once: its folder, also before that, and what `course` said."""
    root = make_course(tmp_path_factory.mktemp("class"))
    with pytest.MonkeyPatch.context() as patch:  # nbgrader asks a process that takes seconds
        patch.setattr("nbgrader.api.get_alembic_version", lambda: "head")
        built = course(root, "exercises")
    assert built.exit_code == 0, built.output
    for student, (answers, added) in STUDENTS.items():
        submit(root, student, answers, added)
    submit(root, "broken", RIGHT)
    (root / "submitted" / "broken" / "tiny" / "tiny.ipynb").write_text('{"cells": [')
    fresh = shutil.copytree(root, root.with_name(f"{root.name}-fresh"))
    with pytest.MonkeyPatch.context() as patch:  # who edits the library may run tests meanwhile
        patch.setattr(records, "LIBRARY", TINY)
        result = course(root, *GRADE, "tiny")
    return SimpleNamespace(root=root, fresh=fresh, built=built, result=result)
