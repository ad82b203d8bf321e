"""Every page in a real browser: accessible, silent, self-contained, over http and from a file."""

import asyncio
import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
SCHEMES = ("light", "dark")
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


async def visit(browser, base, names, **options):
    """Open each page in turn; return every fault that the browser or axe finds."""
    faults = []
    context = await browser.new_context(**options)
    page = await context.new_page()
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
        await page.goto(base + current, wait_until="load")
        wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            note("wider than the screen", f"{wide} px")
        # preload: axe would fetch the style sheets a second time, from wrong addresses.
        result = await Axe().run(page, options={"preload": False, "resultTypes": ["violations"]})
        for violation in result.response["violations"]:
            for node in violation["nodes"]:
                note(violation["id"], node["html"][:200])
    await context.close()
    return faults


def visit_all(tours):
    """Make several tours side by side in one browser; return the faults of each."""

    async def run():
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            found = await asyncio.gather(*(visit(browser, **tour) for tour in tours.values()))
            await browser.close()
            return dict(zip(tours, found, strict=True))

    return asyncio.run(run())


TOURS = [("http", size, scheme) for size in SIZES for scheme in SCHEMES]
TOURS.append(("file", "desktop", "light"))


@pytest.fixture(scope="module")
def faults(site, pages):
    bases = {"http": site, "file": HTML.as_uri() + "/"}
    return visit_all(
        {
            (place, size, scheme): {
                "base": bases[place],
                "names": pages,
                "viewport": SIZES[size],
                "color_scheme": scheme,
            }
            for place, size, scheme in TOURS
        }
    )


@pytest.mark.parametrize("tour", TOURS, ids=" ".join)
def test_pages_are_accessible_silent_and_self_contained(faults, tour):
    assert not faults[tour], "\n".join(faults[tour])


def test_the_checks_see_what_they_look_for(tmp_path):
    """A page with one fault of each kind is caught for each of them."""
    (tmp_path / "bad.html").write_text(
        "<!doctype html><html lang='en'><title>t</title><main><h1>Bad</h1><img src='no.png'>"
        "<div style='width:3000px'>wide</div><script>undefined_function()</script>"
        "<script src='http://127.0.0.1:9/x.js'></script></main></html>"
    )
    tour = {"base": tmp_path.as_uri() + "/", "names": ["bad.html"], "viewport": SIZES["phone"]}
    text = "\n".join(visit_all({"bad": tour})["bad"])
    for sign in ("image-alt", "wider than", "script error", "outside request", "failed request"):
        assert sign in text, f"{sign} was not noticed:\n{text}"
