"""Small image sets that need no file: enlarged handwritten digits and drawn garments.

A garment is a list of polygons with a brightness each, painted one over the
other. It is drawn on a fine grid a few times, with other proportions each
time; each image then views one of these drawings moved, scaled and sheared,
under another light and with noise.
"""

from collections.abc import Callable

import numpy as np

Polygon = list[tuple[float, float]]  # corners (x, y) in pixels; x to the right, y downwards
Parts = list[tuple[Polygon, float]]  # polygons and their brightness, 0 to 1
ImageSplit = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

SIZE, MIDDLE = 28, 14.0
FINE = 4  # points of a drawing along one side of a pixel
DRAWINGS = 12  # drawings of each class


# --- Handwritten digits -------------------------------------------------------------------------


def enlarged_digits(digits) -> ImageSplit:
    """Return scikit-learn's digits, a ``Table``, as images of MNIST's form.

    The 8 x 8 pixels become 20 x 20 in a frame of 28 x 28, where MNIST has its
    digits too. Each class gives the same share of its images to the test set.
    """
    from sklearn.model_selection import train_test_split

    enlarge = _bilinear(8, 20)
    images = enlarge @ digits.X.reshape(-1, 8, 8) @ enlarge.T * (255 / 16)
    images = np.pad(images.round().astype(np.uint8), [(0, 0), (4, 4), (4, 4)])
    X_train, X_test, y_train, y_test = train_test_split(
        images, digits.y, test_size=297, stratify=digits.y, random_state=0
    )
    return X_train, y_train, X_test, y_test


def _bilinear(size: int, new_size: int) -> np.ndarray:
    """Return the matrix ``(new_size, size)`` that interpolates linearly along one side."""
    centres = (np.arange(new_size) + 0.5) * size / new_size - 0.5
    distances = np.abs(centres[:, None] - np.arange(size))
    weights = np.clip(1 - distances, 0, None)
    return weights / weights.sum(axis=1, keepdims=True)


# --- Shapes -------------------------------------------------------------------------------------


def _symmetric(right_half: Polygon) -> Polygon:
    """Return the polygon whose right half has the given corners (distance to the axis, y)."""
    right = [(MIDDLE + x, y) for x, y in right_half]
    left = [(MIDDLE - x, y) for x, y in reversed(right_half)]
    return right + left


def _ellipse(x: float, y: float, width: float, height: float) -> Polygon:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    return [(x + width * np.cos(a) / 2, y + height * np.sin(a) / 2) for a in angles]


def _box(left: float, top: float, right: float, bottom: float) -> Polygon:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _top(rng: np.random.Generator, sleeve: float, hem: float, width: float) -> Polygon:
    """Return a top whose sleeves reach the fraction ``sleeve`` of the way from arm to cuff."""
    width += rng.uniform(-0.7, 0.7)
    neck, shoulder, armpit = (2.6, 3.2), (width + 0.2, 4.8), (width, 10.5)
    outer = (width + 1.8 + 3.2 * sleeve, 4.8 + 17.2 * sleeve)
    inner = (width + 2.2 * sleeve, 10.5 + 12.5 * sleeve)
    return _symmetric([neck, shoulder, outer, inner, armpit, (width, hem)])


# --- Garments, in Fashion-MNIST's order ---------------------------------------------------------


def _t_shirt(rng: np.random.Generator) -> Parts:
    top = _top(rng, rng.uniform(0.2, 0.4), rng.uniform(23, 25), 5.6)
    return [(top, 0.8), (_ellipse(MIDDLE, 3.2, 5.2, rng.uniform(2, 5)), 0)]


def _trouser(rng: np.random.Generator) -> Parts:
    hip, ankle, crotch = rng.uniform(3.8, 4.8), rng.uniform(4, 5.6), rng.uniform(8, 11)
    legs = _symmetric([(hip - 0.5, 2), (hip, 7), (ankle, 26), (ankle - 3, 26), (0.3, crotch)])
    return [(legs, 0.8), (_box(MIDDLE - hip, 2, MIDDLE + hip, 3.2), 0.55)]


def _pullover(rng: np.random.Generator) -> Parts:
    hem = rng.uniform(23.5, 25.5)
    top = _top(rng, rng.uniform(0.85, 1), hem, 5.8)
    return [
        (top, 0.75),
        (_box(MIDDLE - 6, hem - 1.5, MIDDLE + 6, hem), 0.6),
        (_symmetric([(2.8, 3.2), (2.3, 4.8), (0.1, 5.4)]), 0.95),
        (_ellipse(MIDDLE, 3, 4.4, 2.4), 0),
    ]


def _dress(rng: np.random.Generator) -> Parts:
    waist, hem = rng.uniform(2.4, 3.6), rng.uniform(4.5, 8)
    half = [(2.2, 2), (3.2, 2), (3.4, 5), (4, 7), (waist, 12), (hem, 26)]
    return [(_symmetric(half), 0.8), (_ellipse(MIDDLE, 2, 4.4, rng.uniform(4, 8)), 0)]


def _coat(rng: np.random.Generator) -> Parts:
    hem = rng.uniform(25, 27)
    collar = rng.uniform(8, 12)
    return [
        (_top(rng, rng.uniform(0.9, 1.05), hem, 6.2), 0.7),
        (_symmetric([(2.8, 2.6), (3.6, 6), (0.3, collar)]), 0.95),
        (_symmetric([(1.9, 2.4), (0.2, collar - 1)]), 0),
        (_box(MIDDLE - 0.35, collar, MIDDLE + 0.35, hem), 0.15),
    ]


def _sandal(rng: np.random.Generator) -> Parts:
    heel = rng.uniform(0, 4)
    sole = [(2, 20), (10, 19.5), (17, 18.5 - heel), (25, 18 - heel), (25, 19.8 - heel)]
    sole += [(17, 20.3 - heel / 2), (10, 21.3), (2, 21.5)]
    return [
        (sole, 0.9),
        ([(22.5, 18.5 - heel), (25, 18.5 - heel), (24.5, 21.5), (23, 21.5)], 0.9),
        ([(4.5, 20), (9, 14.5), (11, 14.5), (6.5, 20)], 0.7),
        ([(10, 14.5), (11.5, 14), (14.5, 19.5), (12.5, 19.5)], 0.7),
        ([(10, 15.3), (23, 11 - heel), (24.2, 12 - heel), (10.5, 16.6)], 0.7),
        ([(22.8, 11.5 - heel), (24.3, 11.5 - heel), (25, 18.5 - heel), (23.5, 18.5 - heel)], 0.7),
    ]


def _shirt(rng: np.random.Generator) -> Parts:
    hem = rng.uniform(24, 26)
    buttons = [(_box(MIDDLE - 0.4, y, MIDDLE + 0.4, y + 0.8), 0.1) for y in (8, 11.5, 15, 18.5, 22)]
    return [
        (_top(rng, rng.choice([0.35, 0.95]), hem, 5.5), 0.75),
        (_box(MIDDLE - 0.9, 5, MIDDLE + 0.9, hem), 0.95),
        (_symmetric([(2.7, 2.6), (3.3, 5.5), (0.6, 5)]), 1),
        (_symmetric([(1.5, 2.4), (0.1, 4.8)]), 0),
        *buttons,
    ]


def _sneaker(rng: np.random.Generator) -> Parts:
    ankle = rng.uniform(10.5, 12.5)
    toe = rng.uniform(15.5, 17)
    upper = [(2, 20), (2.2, toe + 1), (4.5, toe), (9.5, toe - 0.8), (16, ankle), (19, ankle + 1.2)]
    upper += [(23, ankle + 0.5), (25.2, ankle - 0.8), (26, 20)]
    laces = [
        ([(x, toe - k), (x + 1, toe - k - 0.6), (x + 2.2, toe - k + 1.4)], 1)
        for k, x in enumerate((9.5, 11.5, 13.5))
    ]
    sole = [(1.6, 19.5), (26.4, 19.5), (26.2, 21.8), (2.4, 21.8)]
    return [(upper, 0.65), (_box(19, 15, 23, 19), 0.4), *laces, (sole, 0.95)]


def _bag(rng: np.random.Generator) -> Parts:
    half, top = rng.uniform(8.5, 11.5), rng.uniform(10, 13)
    handle = rng.uniform(8, 13)
    body = _symmetric([(half - rng.uniform(0, 2), top), (half, 24)])
    return [
        (_ellipse(MIDDLE, top, handle, 15), 0.6),
        (_ellipse(MIDDLE, top, handle - 2.6, 12.4), 0),
        (body, 0.8),
        (_symmetric([(half - 1, top), (half - 1, top + 3), (1, top + 5.5)]), 0.6),
        (_box(MIDDLE - 1, top + 4.4, MIDDLE + 1, top + 6.4), 1),
    ]


def _ankle_boot(rng: np.random.Generator) -> Parts:
    shaft, toe = rng.uniform(3, 7), rng.uniform(15.5, 18)
    heel = rng.uniform(0.8, 3)
    boot = [(14.5, shaft), (24.5, shaft - 0.5), (24, 13), (25.5, 22), (2, 22), (2.4, toe + 1.4)]
    boot += [(5, toe), (10, toe - 1.4), (14, 12.5)]
    sole = [(1.6, 21.5), (25.8, 21.5), (25.4, 23 + heel), (19, 23 + heel), (18, 23), (2, 23)]
    return [(boot, 0.75), (_box(15, shaft, 24.5, shaft + 1.6), 0.5), (sole, 0.4)]


GARMENTS: list[Callable[[np.random.Generator], Parts]] = [
    *(_t_shirt, _trouser, _pullover, _dress, _coat),
    *(_sandal, _shirt, _sneaker, _bag, _ankle_boot),
]


# --- From shapes to images ----------------------------------------------------------------------


def drawn_garments() -> ImageSplit:
    """Return 1,000 garments for training and 200 for the test, each class as often."""
    rng = np.random.default_rng(1)
    drawings = np.array([[_draw(garment(rng)) for _ in range(DRAWINGS)] for garment in GARMENTS])
    X_train, y_train = _photograph(drawings, 100, rng)
    X_test, y_test = _photograph(drawings, 20, rng)
    return X_train, y_train, X_test, y_test


def _draw(parts: Parts) -> np.ndarray:
    """Return the brightness of each point of the fine grid, with later parts over earlier ones."""
    y, x = (np.mgrid[: SIZE * FINE, : SIZE * FINE] + 0.5) / FINE
    drawing = np.zeros_like(x)
    for polygon, brightness in parts:
        drawing[_inside(polygon, x, y)] = brightness
    return drawing


def _inside(polygon: Polygon, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Say which points are inside: a ray to the right crosses the edges an odd number of times."""
    inside = np.zeros(x.shape, dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        beside = (y1 > y) != (y2 > y)  # nothing is beside a horizontal edge
        crossing = x1 + (y[beside] - y1) * (x2 - x1) / (y2 - y1)
        inside[beside] ^= x[beside] < crossing
    return inside


def _photograph(
    drawings: np.ndarray, n_per_class: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return shuffled images and classes; ``drawings`` is (class, drawing, row, column)."""
    y = rng.permutation(np.repeat(np.arange(len(drawings)), n_per_class))
    views = drawings[y, rng.integers(DRAWINGS, size=len(y))]
    rows, columns = _view_points(len(y), rng)
    fine = views[np.arange(len(y))[:, None, None], rows, columns]
    images = fine.reshape(len(y), SIZE, 2, SIZE, 2).mean(axis=(2, 4))

    light = rng.uniform(0.5, 1, size=(len(y), 1, 1))
    grain = rng.normal(0, 0.08, images.shape)
    images = images * light * (1 + grain) * 255
    return images.clip(0, 255).round().astype(np.uint8), y


def _view_points(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and column of a drawing seen at each of 56 x 56 points of n images."""
    v, u = (np.mgrid[: 2 * SIZE, : 2 * SIZE] + 0.5) / 2 - MIDDLE
    shape = (n, 1, 1)
    width, height = rng.uniform(0.85, 1.15, size=(2, *shape))
    shear, shift_x, shift_y = rng.uniform(-1, 1, size=(3, *shape))
    x = u / width + 0.12 * shear * v + 1.5 * shift_x + MIDDLE
    y = v / height + 1.5 * shift_y + MIDDLE
    last = SIZE * FINE - 1
    return tuple(np.clip(a * FINE, 0, last).astype(np.int64) for a in (y, x))
