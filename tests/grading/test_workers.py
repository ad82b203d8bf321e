"""Joblib's processes are copies of one that has loaded the grader."""

import json
import multiprocessing
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
import json
import os
import sys

def seen():
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "COURSE_FOLDER")
    loaded = [name in sys.modules for name in ("course_lib.grading.judge", "jupytext")]
    return loaded, [os.environ.get(name) for name in names], os.getpid()

if __name__ == "__main__":
    from course_lib.grading import workers
    before = dict(os.environ)
    workers.prepare()
    workers.prepare()
    assert dict(os.environ) == before
    from joblib import Parallel, delayed
    both = Parallel(n_jobs=2)(delayed(seen)() for _ in range(2))
    print(json.dumps([both, seen()]))
"""


FOR_EVER = """\
import os
import time
from course_lib.grading import workers

def work():
    workers.end_with_the_command()
    print(os.getpid(), flush=True)
    time.sleep(1000)

if __name__ == "__main__":
    workers.prepare()
    from joblib import Parallel, delayed
    Parallel(n_jobs=2)(delayed(work)() for _ in range(2))
"""

pytestmark = pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="no copies here"
)


def test_workers_have_loaded_the_grader_when_they_start(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    workers, (loaded, names, number) = json.loads(done.stdout)
    assert loaded == [False, False] and names[2] is None
    for theirs, (one, other, folder), process in workers:
        assert theirs == [True, True] and process != number
        assert (one, other) == ("1", "1")
        assert folder == workers[0][1][2] and not Path(folder).exists()  # the command has ended


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no Linux")
def test_workers_end_when_the_command_is_killed(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(FOR_EVER)
    with subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, text=True) as command:
        workers = [os.pidfd_open(int(command.stdout.readline())) for _ in range(2)]
        command.kill()
        for worker in workers:
            assert select.select([worker], [], [], 20)[0] == [worker]
            os.close(worker)
