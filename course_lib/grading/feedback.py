"""Feedback as HTML: nbconvert's own exporter, which compiles its templates once in a process."""

from __future__ import annotations

from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from nbconvert.exporters import HTMLExporter

__all__ = ["FeedbackExporter"]


class _Memory(BytecodeCache):
    """Compiled templates by key; each one also knows the text that it was compiled from."""

    def __init__(self) -> None:
        self.compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.compiled:
            bucket.bytecode_from_string(self.compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.compiled[bucket.key] = bucket.bytecode_to_string()


TEMPLATES = _Memory()


class FeedbackExporter(HTMLExporter):
    """Exporter of ``nbgrader generate_feedback``: a class has many notebooks and one template."""

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.bytecode_cache = TEMPLATES
        return environment
