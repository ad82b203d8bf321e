"""Grade a class in a process of its own, and tell what came of it.

Run ``python -P grade_class.py <root> <megabytes>``; the answer is JSON on the last line.
"""

import json
import resource
import sys
from pathlib import Path
from time import monotonic


def main(root: Path, megabytes: int) -> None:
    """Grade the assignment ``tiny`` with a bound on the memory of this process."""
    resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
    from course_lib.grading.feedback import write_feedback
    from course_lib.grading.grade import grade

    begin = monotonic()
    results = grade(root, "tiny")
    write_feedback(root, "tiny")
    answer = {
        "results": {r.student: [r.status, r.total, r.reason] for r in results},
        "seconds": monotonic() - begin,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
