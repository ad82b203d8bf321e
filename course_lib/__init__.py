"""The tested code behind the course: one small module for each chapter.

Nothing is imported here, so that ``import course_lib`` costs next to nothing
and a chapter loads only what it uses::

    from course_lib import metrics
    metrics.accuracy([1, 0, 1], [1, 0, 0])
"""
