"""nbgrader's settings: solutions/ -> exercises/ -> submitted/ -> autograded/ -> feedback/.

Run nbgrader from this folder: it looks for this file nowhere else.
"""

import os

from course_lib.grading import sandbox

c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.root = os.path.dirname(os.path.abspath(__file__))
c.CourseDirectory.course_id = "course"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
# nbgrader ships every file beside a source notebook: the text with the solutions must stay here.
# In a submission, a .py file could stand in for a module that the kernel imports.
c.CourseDirectory.ignore = [".*", "*.pyc", "__pycache__", "feedback", "*.py", "*.md"]
c.Exchange.timezone = "UTC"  # nbgrader 0.9.6 reads "CEST" as UTC: two hours wrong all summer

c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
c.OverwriteCells.add_missing_cells = True  # a deleted test cell is a 0 and not a missing mark

# The judge executes a submission as nbgrader's Execute does, then runs the hidden checks.
c.Autograde.autograde_preprocessors = [
    "course_lib.grading.judge.Judge",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
sandbox.register()
c.ExecutePreprocessor.kernel_name = sandbox.KERNEL  # or a kernelspec of a site's containers
c.Execute.timeout = 60  # seconds for a cell, and for one hidden check
c.Execute.shutdown_kernel = "immediate"
c.Execute.extra_arguments = ["--log-level=ERROR"]  # not: "TCP without encryption" on this machine
c.Judge.kernel_env = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",  # the same numbers on every machine, and no fight for one GPU
}

c.GenerateFeedback.exporter_class = "course_lib.grading.feedback.FeedbackExporter"
c.HTMLExporter.sanitize_html = True  # feedback is read in a browser
c.ExportApp.plugin_class = "course_lib.grading.export.MarksExporter"
