"""nbgrader's formgrader, as a teacher opens it in the folder of the course."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from course_lib.grading.feedback import write_feedback

TOKEN = "formgrader-test"


@contextlib.contextmanager
def formgrader(root):
    """Start Jupyter in a course; yield what asks its formgrader."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--port={port}", "--ServerApp.port_retries=0"]
    command = [sys.executable, "-m", "jupyter", "server", *options]
    environment = os.environ | {"JUPYTER_TOKEN": TOKEN}

    def ask(path, change=None):
        data = None if change is None else json.dumps(change).encode()
        request = Request(
            f"http://127.0.0.1:{port}/formgrader/{path}",
            data,
            {"Authorization": f"token {TOKEN}"},
            method="GET" if change is None else "PUT",
        )
        with urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    with subprocess.Popen(command, cwd=root, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            yield ask
        finally:
            server.terminate()


def wait_for(ask, path):
    for _ in range(300):
        try:
            return ask(path)
        except URLError:  # it is starting
            time.sleep(0.2)
    pytest.fail("Jupyter has not started")


def test_a_mark_and_a_comment_given_there_come_into_the_feedback(graded, tmp_path):
    root = shutil.copytree(graded.root, tmp_path / "school")
    with formgrader(root) as ask:
        wait_for(ask, "manage_assignments")
        [assignment] = json.loads(ask("api/assignments"))
        assert (assignment["name"], assignment["max_score"]) == ("tiny", 11.0)
        notebooks = json.loads(ask("api/submitted_notebooks/tiny/tiny"))
        [amy] = [book["id"] for book in notebooks if book["student"] == "amy"]
        shown = ask(f"submissions/{amy}/?index=0")
        assert "[1/1] " in shown and "yield Case" not in shown  # the checks' report, not the checks
        grades = json.loads(ask(f"api/grades?submission_id={amy}"))
        for grade in grades:
            if grade["name"] == "explain":
                ask(f"api/grade/{grade['id']}", {"manual_score": 2.5, "extra_credit": None})
        for comment in json.loads(ask(f"api/comments?submission_id={amy}")):
            if comment["name"] == "explain":
                ask(f"api/comment/{comment['id']}", {"manual_comment": "Well argued."})
    write_feedback(root, "tiny", jobs=1)
    page = (root / "feedback" / "amy" / "tiny" / "tiny.html").read_text(encoding="utf-8")
    assert "Well argued." in page and "Score: 7.5 / 11.0" in page
