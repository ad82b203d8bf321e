"""Every page in a real browser: accessible, silent, self-contained, over http and from a file."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
# Chromium calls home at every start unless it is told not to.
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine", allow_module_level=True)


@pytest.fixture(scope="module")
def pages(built):
    return sorted(path.name for path in HTML.glob("*.html"))


@pytest.fixture(scope="module")
def site(pages):
    """Serve the book on the loopback address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            """Keep the test's output for the test."""

    handler = functools.partial(Quiet, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def visit(browser, base, names, inspect, **options):
    """Open each page in turn; return what it said on the console, asked for, or failed to get."""
    faults = []
    context = browser.new_context(**options)
    page = context.new_page()
    current = None

    def note(kind, text):
        faults.append(f"{current}: {kind}: {text}")

    page.on("console", lambda m: m.type in ("error", "warning") and note(m.type, m.text))
    page.on("pageerror", lambda error: note("script error", error))
    # Aborted: the next page was opened before the tab's icon had come.
    page.on(
        "requestfailed",
        lambda r: r.failure == "net::ERR_ABORTED" or note("failed request", r.url),
    )
    page.on("response", lambda r: r.status >= 400 and note(str(r.status), r.url))
    page.on(
        "request",
        lambda r: r.url.startswith((base, "data:", "blob:")) or note("outside request", r.url),
    )
    for current in names:
        page.goto(base + current, wait_until="load")
        faults += [f"{current}: {fault}" for fault in inspect(page)]
    context.close()
    return faults


def violations(page):
    # preload: axe would fetch the style sheets a second time, from wrong addresses.
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [f"{v['id']}: {node['html'][:200]}" for v in found for node in v["nodes"]]


def scrolls_sideways(page):
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return [f"wider than the screen by {wide} px"] if wide > 0 else []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pages_are_accessible_and_silent(browser, site, pages, size, scheme):
    faults = visit(
        browser,
        site,
        pages,
        lambda page: violations(page) + scrolls_sideways(page),
        viewport=SIZES[size],
        color_scheme=scheme,
    )
    assert not faults, "\n".join(faults)


def test_pages_work_from_a_file(browser, pages):
    faults = visit(browser, HTML.as_uri() + "/", pages, lambda page: [], viewport=SIZES["desktop"])
    assert not faults, "\n".join(faults)


def test_the_checks_see_what_they_look_for(browser, tmp_path):
    """A page with one fault of each kind is caught for each of them."""
    (tmp_path / "bad.html").write_text(
        "<!doctype html><html lang='en'><title>t</title><main><h1>Bad</h1><img src='no.png'>"
        "<div style='width:3000px'>wide</div><script>undefined_function()</script>"
        "<script src='http://127.0.0.1:9/x.js'></script></main></html>"
    )
    faults = visit(
        browser,
        tmp_path.as_uri() + "/",
        ["bad.html"],
        lambda page: violations(page) + scrolls_sideways(page),
        viewport=SIZES["phone"],
    )
    text = "\n".join(faults)
    for sign in ("image-alt", "wider than", "script error", "outside request", "failed request"):
        assert sign in text, f"{sign} was not noticed:\n{text}"
