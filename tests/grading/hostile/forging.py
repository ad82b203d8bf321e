"""Attacks on the marks from inside the kernel, and on whoever reads the pages."""

from hostile.attack import NO_MARK, NOTHING, Attack

CONSTANT = {
    "total": "def total(values):\n    return 3.0",
    "spread": "def spread(values):\n    return (1.0, 2.0)",
}

FORGE = """\
session, send = get_ipython().kernel.session, get_ipython().kernel.session.send
def forge(stream, kind, content=None, *args, **kwargs):
    if kind == "course_reply":
        content["reply"] = answers.pop(0) if answers else "[]"
    return send(stream, kind, content, *args, **kwargs)
session.send = forge"""


def for_points(name: str, what: str, first: str = "", **options) -> Attack:
    """Make an attack that tries to get points for nothing."""
    options = {"marks": (0, 0), "base": NOTHING} | options
    return Attack(name, what, first=first, **options)


TAMPERING = [
    for_points(
        "np-testing",
        "Replaces what compares numbers: np.testing, np.allclose, math, sum, all.",
        """\
import builtins, math
true = lambda *args, **kwargs: True
for name in [name for name in dir(np.testing) if name.startswith("assert")]:
    setattr(np.testing, name, true)
np.allclose = np.isclose = np.array_equal = np.all = math.isclose = true
builtins.all = builtins.any = builtins.bool = true
math.fsum = builtins.sum = lambda *args: 100.0""",
    ),
    for_points(
        "builtins",
        "Replaces builtins that a checker would use.",
        """\
import builtins
builtins.len = lambda value: 2
builtins.isinstance = builtins.callable = builtins.hasattr = lambda *args: True
builtins.print = builtins.repr = lambda *args, **kwargs: "10.0"
builtins.AssertionError = builtins.Exception = type("Calm", (BaseException,), {})""",
    ),
    for_points(
        "always-equal",
        "Returns an object that equals everything.",
        base={
            "total": """\
class Equal:
    __hash__ = None
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return False
    def __getattr__(self, name):
        return Equal()
    def __bool__(self):
        return True
    def __sub__(self, other):
        return 0.0
    __rsub__ = __float__ = __abs__ = lambda self, *args: 0.0
def total(values):
    return Equal()""",
            "spread": "def spread(values):\n    return [Equal(), Equal()]",
        },
        reason="only numbers, texts, lists",
    ),
    for_points(
        "duck-array",
        "Returns an array subclass, and an object with __array__, that compare as equal.",
        base={
            "total": """\
class Duck(np.ndarray):
    def __eq__(self, other):
        return np.True_
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return np.True_
    def __array_function__(self, *args, **kwargs):
        return True
class Quack:
    def __array__(self, *args, **kwargs):
        return np.zeros(2).view(Duck)
def total(values):
    return np.zeros(()).view(Duck)""",
            "spread": "def spread(values):\n    return Quack()",
        },
    ),
    for_points(
        "number-subclass",
        "Returns numbers, texts and lists of classes of its own.",
        base={
            "total": """\
class Number(float):
    __hash__ = float.__hash__
    def __eq__(self, other):
        return True
    def __repr__(self):
        return "4.0}, {\\"value\\": 9.0"
class Text(str):
    def __eq__(self, other):
        return True
def total(values):
    return Number("nan")""",
            "spread": "def spread(values):\n    return [Text('a'), Text('b')]",
        },
    ),
    for_points(
        "ast-transformer",
        "Removes assert statements, and makes each later cell `pass`.",
        """\
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(NoAsserts())
get_ipython().input_transformers_cleanup.append(lambda lines: ["pass\\n"])""",
    ),
    for_points(
        "run-cell",
        "The kernel answers that everything went well, without running anything.",
        """\
shell = get_ipython()
class Fine:
    success, result, error_in_exec, error_before_exec, execution_count = True, 10.0, None, None, 1
    def raise_error(self):
        pass
async def run_cell_async(*args, **kwargs):
    return Fine()
shell.run_cell = lambda *args, **kwargs: Fine()
shell.run_cell_async, shell.should_run_async = run_cell_async, lambda *args, **kwargs: True""",
        reason="could not be interrupted",
    ),
    for_points(
        "swallow-exceptions",
        "set_custom_exc, showtraceback and excepthook that hide every failure.",
        """\
import sys
shell = get_ipython()
shell.set_custom_exc((BaseException,), lambda *args, **kwargs: None)
shell.showtraceback = shell._showtraceback = lambda *args, **kwargs: None
sys.excepthook = lambda *args: None""",
    ),
    for_points(
        "sys-modules",
        "Puts modules of its own where the grader's might be looked for.",
        """\
import sys, types
fake = types.ModuleType("fake")
fake.answer = lambda *args: "[]"
fake.check = fake.difference = fake.run = lambda *args, **kwargs: None
for name in ("course_wire", "course_lib.grading", "course_lib.grading.checks",
             "course_lib.grading.wire", "course_lib.grading.judge", "checks"):
    sys.modules[name] = fake
__course__ = {"reply": "[]"}""",
    ),
    for_points(
        "json-base64",
        "json and base64 that forge what travels.",
        """\
import base64, json
dumps = json.dumps
json.dumps = lambda value, **options: (
    '[{"value": 3.0}, {"value": 3.0}]' if isinstance(value, list) else dumps(value, **options))
base64.b64encode = lambda value: b"AAAAAAAAEEA=" """,
    ),
    for_points(
        "silence",
        "Answers no question.",
        """\
class NoHandlers(dict):
    def __setitem__(self, kind, handler):
        pass
get_ipython().kernel.shell_handlers = NoHandlers(get_ipython().kernel.shell_handlers)""",
    ),
    for_points(
        "exec",
        "Takes over exec, compile and __import__, keeps the wire's text and answers itself.",
        """\
import builtins
seen, real = [], builtins.exec
def exec_(code, space=None, *rest):
    seen.append(code if isinstance(code, str) else "")
    if space is not None and space.get("__name__") == "course_wire":
        space["answer"] = lambda function, payload, through=None: '[{"raised": ["ValueError"]}]'
        return None
    return real(code, space, *rest)
builtins.exec = exec_""",
        last="print(seen[-1][-300:] if seen else 'nothing seen')",
    ),
    for_points(
        "forged-replies",
        "Forges the reply in which the answers come back.",
        """\
answers = [10.0, "[10.0, 10.0]", '[{"value": true}, {"value": true}]', "total", {"value": 3.0},
           "__import__('os').getcwd()", '[{"value": {"source": "print"}}]']
"""
        + FORGE,
    ),
    for_points(
        "json-bomb",
        "Forges a reply of 1,200,000 empty lists, and texts that are no JSON.",
        """\
answers = ["[" + "[]," * 1_200_000 + "[]]", "[" * 200_000, "{[]: 1}", "\\ud800"]
"""
        + FORGE,
    ),
    for_points(
        "odd-replies",
        "Replies whose fields have no type that anybody expects.",
        """\
session, send = get_ipython().kernel.session, get_ipython().kernel.session.send
def forge(stream, kind, content=None, *args, **kwargs):
    if kind in ("execute_reply", "course_reply"):
        content = {"status": "error", "payload": [1, None], "user_expressions": 7,
                   "traceback": {"a": 1}, "ename": None, "evalue": 3, "execution_count": "x"}
    return send(stream, kind, content, *args, **kwargs)
session.send = forge""",
        marks=NO_MARK,
    ),
    for_points(
        "odd-outputs",
        "Outputs whose fields are missing or of no type that anybody expects.",
        """\
kernel = get_ipython().kernel
for kind, content in [("stream", {"name": "stdout", "text": 5}), ("stream", {}),
                      ("display_data", {"data": {"text/plain": {"a": [1]}}, "metadata": 3}),
                      ("execute_result", {"data": None}), ("error", {"traceback": 4}),
                      ("update_display_data", {"transient": {"display_id": []}}),
                      ("clear_output", {}), ("comm_open", {"comm_id": {}}), ("status", {})]:
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent())""",
        marks=NO_MARK,
    ),
    for_points(
        "display-ids",
        "Opens comms, and rewrites outputs of earlier cells by display ids.",
        """\
from IPython.display import display, update_display
import threading, time
def later():
    for _ in range(100):
        time.sleep(0.05)
        update_display({"text/plain": "3.0"}, display_id="mark", raw=True)
threading.Thread(target=later, daemon=True).start()
kernel = get_ipython().kernel
for target in ("jupyter.widget", "mark", "course"):
    content = {"comm_id": target, "target_name": target, "data": {"state": {"mark": 10.0}}}
    kernel.session.send(kernel.iopub_socket, "comm_open", content, parent=kernel.get_parent())""",
        base={
            "total": """\
def total(values):
    display({"text/plain": "0.0"}, display_id="mark", raw=True)
    kernel.session.send(kernel.iopub_socket, "execute_result", {"execution_count": 1,
        "data": {"text/plain": "3.0"}, "metadata": {}}, parent=kernel.get_parent())
    return 3.0""",
            "spread": "def spread(values):\n    total(values)",
        },
    ),
    for_points(
        "frames",
        "Looks for expected values in the frames of its callers, and in all that Python keeps.",
        base={
            "total": """\
import gc, sys
def wanted():
    frame = sys._getframe(1)
    while frame is not None:
        for name, value in {**frame.f_globals, **frame.f_locals}.items():
            if name in ("expected", "case", "cases", "want", "wanted", "checks", "suite"):
                yield getattr(value, "expected", value)
        frame = frame.f_back
    for value in gc.get_objects():
        if type(value).__name__ in ("Case", "Check", "Suite"):
            yield getattr(value, "expected", None)
def total(values):
    return next((value for value in wanted() if isinstance(value, float)), None)""",
            "spread": "def spread(values):\n"
            "    return next((value for value in wanted() if isinstance(value, tuple)), None)",
        },
    ),
    for_points(
        "tracing",
        "Watches every line with settrace, an audit hook and pre-run hooks; tells what it saw.",
        """\
import sys, threading
seen, shell = [], get_ipython()
for event in ("pre_run_cell", "pre_execute"):
    shell.events.register(event, lambda *info: seen.append(getattr(info[0], "raw_cell", ""))
                          if info else None)
sys.addaudithook(lambda name, args: seen.append(str(args)[:500]) if name == "exec" else None)
def trace(frame, event, arg):
    if frame.f_code.co_name in ("answer", "_reply"):
        seen.append(str(frame.f_locals)[:2000])
        frame.f_locals["replies"] = [{"value": 3.0}]
    return trace
sys.settrace(trace)
threading.settrace(trace)""",
        last="import sys\nsys.settrace(None)\nprint(*[text for text in seen if text][-200:])",
    ),
    for_points(
        "wrong-mark-cells",
        "Rebinds everything that a cell shows: displayhook, display_pub, the formatter, stdout.",
        """\
shell = get_ipython()
class Hook:
    def __call__(self, result=None):
        shell.display_pub.publish({"text/plain": "3.0"})
shell.displayhook.__class__.__call__ = Hook.__call__
shell.display_formatter.format = lambda *args, **kwargs: ({"text/plain": "3.0"}, {})""",
    ),
]

FORGED = [
    for_points("constant", "Returns the same value whatever is asked.", base=CONSTANT),
    for_points(
        "prints-mark",
        "Prints a mark, shows a mark, ends with a mark.",
        base={
            "total": "def total(values):\n    print('3.0')\n    display(3.0)\n    return '3.0'",
            "spread": "def spread(values):\n    print('[2/2] spread: 2.0')\n    return 2.0",
        },
        middle="print('Hidden checks: 3 of 3 points')\n3.0",
        last="display({'text/plain': '10.0'}, raw=True)\n10.0",
    ),
    for_points(
        "table-public",
        "A table of what the public checks show.",
        base={
            "total": "def total(values):\n    return {(1, 2): 3}.get(tuple(values))",
            "spread": "def spread(values):\n    return {(3, 1, 2): (1, 3)}.get(tuple(values))",
        },
    ),
    Attack(
        "table-feedback",
        "A table of the values that an earlier feedback showed: it earns the check it knows.",
        (1.5, 0),
        base={
            "total": "def total(values):\n"
            "    return {(4.0,): 4.0, (4.0, 5.0): 9.0}.get(tuple(values))",
            "spread": "def spread(values):\n    return {(7.0,): (7.0, 7.0)}.get(tuple(values))",
        },
    ),
    for_points(
        "random",
        "Answers at random.",
        base={
            "total": "def total(values):\n    return float(np.random.normal())",
            "spread": "def spread(values):\n    return tuple(np.random.normal(size=2))",
        },
    ),
    for_points(
        "always-raises",
        "Raises ValueError whatever is asked: one check wants just that.",
        base={
            "total": "def total(values):\n    raise ValueError('3.0')",
            "spread": "def spread(values):\n    raise ValueError",
        },
    ),
    for_points(
        "echo",
        "Returns its argument, nan, infinities, booleans.",
        base={
            "total": "def total(values):\n    return [np.nan, True, values, np.inf][len(values)]",
            "spread": "def spread(values):\n    return list(values) * 2",
        },
    ),
    for_points(
        "odd-texts",
        "Raises and prints texts that no file can hold.",
        base={
            "total": "def total(values):\n    raise ValueError('\\ud800 \\x00 \\x1b[31m 3.0')",
            "spread": "def spread(values):\n    return '\\ud800'",
        },
        middle="print('\\udc80 \\x00 \\x1b[2J')",
        reason="raised ValueError",
    ),
    for_points(
        "no-letters",
        "Returns an array of letters that do not exist.",
        base={
            "total": "def total(values):\n    return None",
            "spread": "def spread(values):\n    return np.frombuffer(b'\\xff' * 8, '<U1')",
        },
    ),
]

SCRIPT = "<script>@MARKER@</script>"
HTML = f"""\
{SCRIPT} <img src=x onerror="@MARKER@"> <svg onload="@MARKER@"></svg>
<iframe src="javascript:@MARKER@"></iframe> <a href="javascript:@MARKER@">here</a>
<a href="JaVa&#115;cript:@MARKER@">there</a> <object data="data:text/html,@MARKER@"></object>
<form action="javascript:@MARKER@"><button formaction="javascript:@MARKER@">x</button></form>
<style>@import 'javascript:@MARKER@';</style> <base href="javascript:@MARKER@">
[a link](javascript:@MARKER@) [another](data:text/html;base64,@MARKER@)
![an image](x" onerror="@MARKER@) <math><mtext></p><img src=x onerror=@MARKER@></mtext></math>
"""
PAGES = [
    Attack(
        "script-output",
        "Scripts in outputs of every kind, and in widgets.",
        (3, 2),
        middle=f"""\
page = '''{HTML}'''
for kind in ("text/html", "text/markdown", "text/latex", "image/svg+xml", "text/plain",
             "application/javascript", "application/vnd.jupyter.widget-view+json",
             "application/vnd.bokehjs_exec.v0+json", "application/x-custom"):
    display({{kind: page}}, raw=True)
display({{"application/vnd.jupyter.widget-state+json": {{"a": page}}}}, raw=True)
print(page)
raise ValueError(page)""",
    ),
    Attack(
        "script-message",
        "Scripts in what a function raises and returns, which the report shows.",
        (0, 0),
        {
            "total": f"def total(values):\n    raise ValueError('''{HTML}''')",
            "spread": f"def spread(values):\n    return '{SCRIPT}'",
        },
    ),
    Attack(
        "script-markdown",
        "Scripts in the answer in words and in texts of the student's own.",
        (3, 2),
        {"explain": HTML, "extra": f"${SCRIPT}$\n\n`{SCRIPT}`\n\n{HTML}"},
    ),
]
