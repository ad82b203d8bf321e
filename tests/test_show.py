"""What a page shows is the library's code, without docstrings and unchanged otherwise."""

import ast
import inspect

import pytest

from course_lib import show


class Documented:
    """A class."""

    def first(self):
        """Return one."""

        return 1

    def second(self):
        return "a string that is not a docstring"


def test_docstrings_are_left_out():
    text = show.source(Documented).data
    assert text.startswith("```python\nclass Documented:\n") and text.endswith("\n```")
    assert "Return one" not in text and "A class" not in text
    assert "a string that is not a docstring" in text


def test_what_is_shown_is_the_same_code():
    shown = ast.parse(show.source(show.source).data.strip("`").removeprefix("python"))
    original = ast.parse(inspect.getsource(show.source))
    del original.body[0].body[0]
    assert ast.dump(shown) == ast.dump(original)


def test_several_functions_follow_each_other():
    text = show.source(show.source, show._documented).data
    assert text.index("def source") < text.index("def _documented")


@pytest.mark.parametrize("thing", [3, "text", len])
def test_what_has_no_source_is_refused(thing):
    with pytest.raises(TypeError, match="functions: expected functions or classes"):
        show.source(thing)
