"""The ``course`` command; each command is one call of a function elsewhere in the library."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
console = Console()


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Show what has to be put right, and not where Python noticed it."""
    from course_lib.book import BookError
    from course_lib.datasets import DataError, DataNotFoundError
    from course_lib.experiments import ExperimentError
    from course_lib.grading.course import CourseError
    from course_lib.reproduce import ReproductionError

    try:
        yield
    except (
        BookError,
        CourseError,
        DataError,
        DataNotFoundError,
        ExperimentError,
        ReproductionError,
    ) as error:
        console.print(f"[red]Error:[/red] {_escaped(error)}", soft_wrap=True)
        raise typer.Exit(1) from None


def _escaped(value: object) -> str:
    from rich.markup import escape

    return escape(str(value))


@app.command()
def book() -> None:
    """Run the chapters that changed and build the HTML book."""
    from course_lib.book import build
    from course_lib.grading.course import find_root

    with _plain_errors():
        page = build(find_root(), report=console.print)
    console.print(f"Open this page: {page.as_uri()}", soft_wrap=True)


@app.command()
def exercises(
    assignments: Annotated[
        list[str] | None, typer.Argument(help="Folders of solutions/; all of them by default.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether exercises/ is up to date.")
    ] = False,
) -> None:
    """Build exercises/ of the texts in solutions/."""
    from course_lib.grading.course import find_root
    from course_lib.grading.exercises import build, find_assignments

    with _plain_errors():
        root = find_root()
        changes = build(root, assignments or find_assignments(root), check)
    for path in changes:
        console.print(f"{'out of date' if check else 'written'}: {_escaped(path)}", soft_wrap=True)
    if not changes:
        console.print("exercises/ is up to date")
    if check and changes:
        raise typer.Exit(1)


@app.command()
def collect(
    assignment: Annotated[str, typer.Argument(help="Folder of solutions/.")],
    source: Annotated[
        Path, typer.Argument(help="Folder or zip: from Moodle, of nbgrader's exchange, or plain.")
    ],
    roster: Annotated[
        Path | None, typer.Option(help="CSV of the class: id, first_name, last_name, email.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Of the source's times, e.g. Europe/Paris; else this one's.")
    ] = None,
    groups: Annotated[
        bool, typer.Option("--groups", help="Moodle's students submitted in groups.")
    ] = False,
) -> None:
    """Put what was handed in into submitted/<student>/<assignment>/; nothing is overwritten."""
    from course_lib.grading.course import find_root

    with _plain_errors():
        from course_lib.grading import collect as collecting

        lines = collecting.collect(
            find_root(), assignment, source, roster=roster, timezone=timezone, groups=groups
        )
    _print_collected(assignment, lines)
    if any(line.outcome in ("unmatched", "refused") for line in lines):
        raise typer.Exit(1)


def _print_collected(assignment: str, lines: list) -> None:
    from rich.table import Table

    table = Table("student", "from", "outcome", "note", title=assignment)
    for line in lines:
        who = line.student or line.name
        table.add_row(*map(_escaped, (who, line.entry, line.outcome, line.note)))
    console.print(table)
    console.print(f"This table is also in collected/{_escaped(assignment)}/.")


@app.command()
def report(
    assignment: Annotated[str, typer.Argument(help="Folder of solutions/.")],
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Pages at once; one for each core by default.")
    ] = None,
) -> None:
    """Write each student's feedback, your page about the class, and the marks for Moodle.

    Run it again when you have given marks or comments by hand.
    """
    from rich.progress import track

    from course_lib.grading.course import find_root

    with _plain_errors():
        root = find_root()
        from course_lib.grading import workers

        workers.prepare()
        from course_lib.grading import report as reporting
        from course_lib.grading.feedback import write_feedback

        notes = write_feedback(
            root,
            assignment,
            jobs=jobs,
            track=lambda finished, total: track(finished, "Feedback", total),
        )
        page = reporting.report(root, assignment)
        marks = reporting.moodle_csv(root, assignment)
    for note in dict.fromkeys(notes.values()):
        _print_line(f"{note}: {', '.join(who for who in notes if notes[who] == note)}")
    console.print("For your students, one folder each: feedback/")
    console.print(f"Open this page, and do not publish it: {page.as_uri()}", soft_wrap=True)
    console.print(f"For Moodle's CSV import: {_escaped(marks.relative_to(root))}", soft_wrap=True)


@app.command()
def grade(
    assignment: Annotated[str, typer.Argument(help="Folder of solutions/.")],
    student: Annotated[
        list[str] | None, typer.Option(help="Whose submission; everybody's by default.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="How many at once; three for two cores by default.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            help="Dask scheduler such as tcp://host:8786: its workers grade, from this folder."
        ),
    ] = None,
    no_sandbox: Annotated[
        bool, typer.Option("--no-sandbox", help="Run submissions with your own rights.")
    ] = False,
) -> None:
    """Grade the submissions in submitted/<student>/<assignment>/.

    A submission for which nothing has changed is left as it is; to have it graded again, delete
    records/<assignment>/<student>.json.
    """
    from rich.progress import track

    from course_lib.grading.course import find_root

    if no_sandbox:
        console.print("Submissions run with your own rights: --no-sandbox.")
    with _plain_errors():
        root = find_root()
        from course_lib.grading import sandbox, workers

        workers.prepare()
        if not (no_sandbox or dask):
            sandbox.prepare(root, assignment)
        from course_lib.grading.grade import grade as grade_submissions

        results = grade_submissions(
            root,
            assignment,
            student or None,
            sandboxed=not no_sandbox,
            jobs=jobs,
            dask=dask,
            track=lambda finished, total: track(finished, "Grading", total),
        )
    _print_results(assignment, results)
    if any(result.status in ("failed", "not graded") for result in results):
        raise typer.Exit(1)


def _print_results(assignment: str, results: list) -> None:
    from rich.table import Table

    table = Table("student", "mark", "status", "to look at", title=assignment)
    for result in results:
        how = f"{result.status}: {result.reason}" if result.reason else result.status
        mark = f"{result.total:g}/{result.max_score:g}"
        to_look_at = "; ".join([*result.flags, *result.repairs])
        table.add_row(*map(_escaped, (result.student, mark, how, to_look_at)))
    console.print(table)
    if n_kept := sum(result.kept for result in results):
        console.print(f"{n_kept} of {len(results)} had been graded before and have not changed.")
    console.print(f"marks/{_escaped(assignment)}.csv and the gradebook are written.")
    console.print(f"Feedback: `course report {_escaped(assignment)}`, after the marks by hand.")


@app.command()
def train(
    file: Annotated[Path, typer.Argument(help="A description such as experiments/iris.toml.")],
) -> None:
    """Train the network that a file describes, beside simpler models."""
    from course_lib import experiments
    from course_lib.grading.course import find_root

    with _plain_errors():
        folder = find_root() / "runs" / file.stem
        run = experiments.train(experiments.read(file), progress=True)
    experiments.save(run, folder)
    console.print(experiments.epoch_table(run), experiments.score_table(run))
    console.print(f"The curves and all the numbers are in {_escaped(folder)}", soft_wrap=True)


@app.command()
def reproduce(
    studies: Annotated[
        list[str] | None, typer.Argument(help="Names of studies; all of them by default.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Number of runs of each.")] = 3,
    folder: Annotated[
        Path | None, typer.Option(help="Where results are; those of the book by default.")
    ] = None,
) -> None:
    """Train the sources' models again, and compare with the numbers that they print."""
    from course_lib import reproduce

    folder = folder or reproduce.RESULTS
    with _plain_errors():
        reproduce.run(studies or [], n_seeds=seeds, folder=folder, report=_print_line)
        rows = reproduce.table(folder=folder)
    _print_verdicts([row for row in rows if not studies or row.study in studies])


def _print_line(line: str) -> None:
    console.print(_escaped(line), soft_wrap=True)


def _print_verdicts(rows: list) -> None:
    from rich.table import Column, Table

    study = Column("study", no_wrap=True)
    table = Table(study, "metric", "source", "ours", "runs", "verdict")
    for row in rows:
        theirs = "-" if row.source is None else f"{row.source:.4f}"
        n_runs = len(row.ours.values)
        table.add_row(row.study, row.metric, theirs, str(row.ours), str(n_runs), row.verdict)
    console.print(table)
