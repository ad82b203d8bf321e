"""The data sets: what they hold, where they are looked for, and what a wrong file meets."""

import gc
import gzip
import hashlib
import http.server
import io
import os
import socket
import subprocess
import sys
import tarfile
import threading
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pooch  # noqa: F401 (here, so that its log does not hold a stream that one test captured)
import pytest
import scipy.ndimage
import sklearn.datasets
from hypothesis import example, given
from hypothesis import strategies as st
from matplotlib.path import Path as MatplotlibPath
from sklearn.neighbors import KNeighborsClassifier

from course_lib import _data_files, _stand_ins, datasets
from course_lib._data_files import DataFile, Remote, content_digest
from course_lib.datasets import DataError, DataNotFoundError, ImageSet, Table

# --- Tables that need no file -------------------------------------------------------------------

CLASS_TABLES = ["iris", "wine", "breast_cancer", "digits"]


def check_table(table):
    n_samples, n_features = table.X.shape
    assert type(table.X) is type(table.y) is np.ndarray
    assert table.X.dtype == np.float64 and table.X.flags.c_contiguous
    assert table.y.shape == (n_samples,)
    assert len(table.feature_names) == len(set(table.feature_names)) == n_features
    assert all(type(name) is str for name in table.feature_names + table.target_names)
    assert np.isfinite(table.X).all() and np.isfinite(table.y).all()
    assert table.source and table.licence
    if len(table.target_names) > 1:
        assert table.y.dtype == np.int64
        assert set(table.y) == set(range(len(table.target_names)))
    else:
        assert table.y.dtype == np.float64


@pytest.mark.parametrize("name", [*CLASS_TABLES, "diabetes", "pizza_prices"])
def test_small_tables_keep_the_conventions(name):
    check_table(getattr(datasets, f"load_{name}")())


@pytest.mark.parametrize("name", CLASS_TABLES)
def test_class_tables_are_scikit_learns(name):
    ours = getattr(datasets, f"load_{name}")()
    X, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    np.testing.assert_array_equal(ours.X, X)
    np.testing.assert_array_equal(ours.y, y)


def test_diabetes_is_in_its_own_units():
    diabetes = datasets.load_diabetes()
    age = diabetes.X[:, diabetes.feature_names.index("age")]
    assert (age.min(), age.max()) == (19, 79)
    assert (diabetes.y.min(), diabetes.y.max()) == (25, 346)


def test_pizza_prices_are_a_line_and_two_promotions():
    pizza = datasets.load_pizza_prices()
    assert pizza.X.shape == (12, 1)
    assert "invented" in pizza.source
    cheap = np.isin(pizza.X[:, 0], [26, 34])
    line = np.polynomial.Polynomial.fit(pizza.X[~cheap, 0], pizza.y[~cheap], 1)
    assert np.abs(line(pizza.X[:, 0]) - pizza.y)[~cheap].max() < 0.6
    assert (line(pizza.X[:, 0]) - pizza.y)[cheap].min() > 3


def test_two_loads_share_nothing():
    first = datasets.load_pizza_prices()
    first.X[:] = 0
    first.feature_names.append("topping")
    images = datasets.load_fashion_mnist(stand_in=True)
    images.target_names.clear()
    assert datasets.load_pizza_prices().X.min() == 18
    assert datasets.load_pizza_prices().feature_names == ["diameter_cm"]
    assert len(datasets.load_fashion_mnist(stand_in=True).target_names) == 10


def test_import_is_light():
    code = (
        "import sys, course_lib.datasets as d; print({'sklearn', 'pooch', 'tqdm'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# --- Stand-ins ----------------------------------------------------------------------------------

LOADERS = [datasets.load_mnist, datasets.load_fashion_mnist]


@pytest.fixture(scope="module", params=LOADERS, ids=["digits", "garments"])
def stand_in(request):
    return request.param(stand_in=True)


def check_images(images, n_train, n_test):
    assert images.X_train.shape == (n_train, 28, 28) and images.y_train.shape == (n_train,)
    assert images.X_test.shape == (n_test, 28, 28) and images.y_test.shape == (n_test,)
    assert images.X_train.dtype == images.X_test.dtype == np.uint8
    assert images.y_train.dtype == images.y_test.dtype == np.int64
    assert len(images.target_names) == 10
    assert set(images.y_train) == set(images.y_test) == set(range(10))


def test_stand_ins_keep_the_form_and_say_what_they_are(stand_in):
    check_images(stand_in, *{1500: (1500, 297), 1000: (1000, 200)}[len(stand_in.y_train)])
    assert stand_in.is_stand_in is True
    assert stand_in.source.startswith("Stand-in for ")
    assert stand_in.X_train.max() > 220 and stand_in.X_train.min() == 0


@pytest.mark.parametrize("load", LOADERS)
def test_stand_ins_never_change(load):
    one, other = load(stand_in=True), load(stand_in=True)
    for name in ("X_train", "y_train", "X_test", "y_test"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_classes_are_balanced(stand_in):
    for y in (stand_in.y_train, stand_in.y_test):
        sizes = np.bincount(y)
        assert sizes.max() <= 1.1 * sizes.min()


def test_no_test_image_is_in_the_training_set(stand_in):
    train = {image.tobytes() for image in stand_in.X_train}
    assert not train & {image.tobytes() for image in stand_in.X_test}


def nearest_neighbour_accuracy(images):
    flat = [X.reshape(len(X), -1) / 255 for X in (images.X_train, images.X_test)]
    model = KNeighborsClassifier(1).fit(flat[0], images.y_train)
    return model.score(flat[1], images.y_test)


def test_stand_ins_can_be_learnt_but_not_perfectly(stand_in):
    assert 0.75 < nearest_neighbour_accuracy(stand_in) < 1


def test_drawn_shirts_are_hard_and_bags_easy():
    garments = datasets.load_fashion_mnist(stand_in=True)
    flat = [X.reshape(len(X), -1) / 255 for X in (garments.X_train, garments.X_test)]
    predicted = KNeighborsClassifier(1).fit(flat[0], garments.y_train).predict(flat[1])
    shirt, bag = garments.target_names.index("Shirt"), garments.target_names.index("Bag")
    right = [np.mean(predicted[garments.y_test == c] == c) for c in range(10)]
    assert right[shirt] == min(right) < 0.8 < right[bag]


def test_enlarged_digits_are_the_digits():
    images = datasets.load_mnist(stand_in=True)
    digits = datasets.load_digits()
    small = np.array(
        [
            scipy.ndimage.zoom(image, 2.5, order=1, grid_mode=True, mode="nearest")
            for image in digits.X.reshape(-1, 8, 8)
        ]
    )
    expected = np.round(small * 255 / 16).astype(int)
    frame = np.pad(np.zeros((20, 20), dtype=bool), 4, constant_values=True)
    assert not images.X_train[:, frame].any() and not images.X_test[:, frame].any()
    # The split shuffles: look for each image among those that SciPy enlarged.
    for image, label in zip(images.X_test[:40], images.y_test, strict=False):
        errors = np.abs(image[4:24, 4:24] - expected).max(axis=(1, 2))
        assert errors.min() <= 1
        assert digits.y[errors.argmin()] == label


corner = st.tuples(st.floats(0, 28), st.floats(0, 28))


@given(st.lists(corner, min_size=3, max_size=7))
@example([(0.0, 0.0), (28.0, 5e-324), (0.0, 28.0)])  # an edge that is next to horizontal
def test_a_point_is_inside_as_matplotlib_says(corners):
    # Three corners: for more, a polygon may cross itself, where the two rules differ.
    triangle = corners[:3]
    x, y = np.random.default_rng(0).uniform(0, 28, size=(2, 400))
    expected = MatplotlibPath([*triangle, triangle[0]]).contains_points(np.column_stack([x, y]))
    assert np.mean(_stand_ins._inside(triangle, x, y) != expected) <= 0.005


def test_a_hollow_is_outside():
    notched = [(0, 0), (10, 0), (10, 10), (5, 2), (0, 10)]
    x, y = np.array([5.0, 5.0, 1.0, 11.0]), np.array([1.0, 5.0, 5.0, 5.0])
    np.testing.assert_array_equal(_stand_ins._inside(notched, x, y), [True, False, True, False])


# --- A small image file in place of MNIST -------------------------------------------------------

KEYS = ("x_train", "y_train", "x_test", "y_test")
ARRAYS = {
    "x_train": np.random.default_rng(0).integers(256, size=(5, 28, 28), dtype=np.uint8),
    "y_train": np.array([3, 1, 4, 1, 5], dtype=np.uint8),
    "x_test": np.random.default_rng(1).integers(256, size=(2, 28, 28), dtype=np.uint8),
    "y_test": np.array([9, 2], dtype=np.uint8),
}
DIGEST = content_digest(list(ARRAYS.values()))


def npz(arrays=ARRAYS, save=np.savez):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty COURSE_DATA_DIR, with an empty cache and a tiny MNIST expected."""
    monkeypatch.setattr(_data_files, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setenv("COURSE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(datasets, "MNIST", datasets.MNIST._replace(digest=DIGEST, remotes=()))
    (tmp_path / "data").mkdir()
    yield tmp_path / "data"
    with warnings.catch_warnings():
        # Pooch leaves the socket of a refused download open: collect it here, not in a later test.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_data_dir_is_read_whatever_the_container(folder, save):
    turned = {key: np.asfortranarray(ARRAYS[key]) for key in reversed(KEYS)}
    (folder / "mnist.npz").write_bytes(npz(turned | {"more": np.zeros(1)}, save))
    images = datasets.load_mnist()
    np.testing.assert_array_equal(images.X_train, ARRAYS["x_train"])
    np.testing.assert_array_equal(images.y_test, [9, 2])
    assert images.y_train.dtype == np.int64
    assert images.is_stand_in is False and "Stand-in" not in images.source


def one_pixel_changed():
    X = ARRAYS["x_test"].copy()
    X[1, 27, 27] ^= 1
    return ARRAYS | {"x_test": X}


WRONG_CONTENT = {
    "one pixel": one_pixel_changed(),
    "another type": ARRAYS | {"y_train": ARRAYS["y_train"].astype(np.int64)},
    "another shape": ARRAYS | {"x_train": ARRAYS["x_train"].reshape(5, 784)},
    "swapped sets": ARRAYS | {"x_train": ARRAYS["x_test"], "x_test": ARRAYS["x_train"]},
}


@pytest.mark.parametrize("arrays", WRONG_CONTENT.values(), ids=WRONG_CONTENT)
def test_wrong_content_is_refused_with_both_digests(folder, arrays):
    (folder / "mnist.npz").write_bytes(npz(arrays))
    with pytest.raises(DataError) as caught:
        datasets.load_mnist()
    received = content_digest([arrays[key] for key in KEYS])
    for words in (str(folder / "mnist.npz"), DIGEST, received):
        assert words in str(caught.value)
    assert (folder / "mnist.npz").exists()  # a reader's own file is never deleted


def test_wrong_keys_are_named(folder):
    (folder / "mnist.npz").write_bytes(npz({"X": np.zeros(2), "y_train": np.zeros(2)}))
    expected = r"mnist\.npz: expected the keys x_train, y_train, x_test, y_test, got X, y_train"
    with pytest.raises(DataError, match=expected):
        datasets.load_mnist()


def an_npy_file():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


class Trap:
    """An object whose unpickling would leave a file behind."""

    def __reduce__(self):
        return Path.touch, (Path("unpickled"),)


UNREADABLE = {
    "empty": b"",
    "text": b"<html>404 not found</html>",
    "half": npz()[: len(npz()) // 2],
    "all but the last byte": npz()[:-1],
    "npy": an_npy_file(),
    "objects": npz(ARRAYS | {"y_test": np.array([Trap()], dtype=object)}),
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable_files_are_named(folder, content, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "mnist.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"mnist\.npz: expected a readable \.npz file, got "):
        datasets.load_mnist()
    assert not (folder / "unpickled").exists()


@given(place=st.integers(0, len(npz()) - 1), change=st.integers(1, 255))
def test_a_damaged_byte_never_yields_other_data(tmp_path_factory, place, change):
    damaged = bytearray(npz())
    damaged[place] ^= change
    path = tmp_path_factory.mktemp("damaged") / "mnist.npz"
    path.write_bytes(damaged)
    file = datasets.MNIST._replace(digest=DIGEST)
    try:
        arrays = _data_files._read_checked(file, [path])
    except DataError:
        return
    for array, key in zip(arrays, KEYS, strict=True):
        np.testing.assert_array_equal(array, ARRAYS[key])


def test_digest_tells_type_shape_and_order_apart():
    a = np.arange(6, dtype=np.int32)
    others = [
        [a.astype(np.int64)],
        [a.reshape(2, 3)],
        [a[::-1]],
        [a[:3], a[3:]],
        [a, a],
        [a.view(np.uint32)],
    ]
    digests = {content_digest(arrays) for arrays in [[a], *others]}
    assert len(digests) == 7
    assert content_digest([a.reshape(2, 3)]) == content_digest([np.asfortranarray(a.reshape(2, 3))])


# --- Tables in files ----------------------------------------------------------------------------

HEADER = ",".join(datasets.BIKE_COLUMNS)
HOUR_CSV = f"{HEADER}\n1,2011-01-01,1,0,1,0,0,6,0,1,0.24,0.2879,0.81,0,3,13,16\n"


@pytest.fixture
def bikes(folder, monkeypatch):
    """Expect a bike-sharing file of one hour."""
    values = [float(text) for text in HOUR_CSV.splitlines()[1].split(",")[2:]]
    digest = content_digest([np.array([values])])
    file = datasets.BIKE_SHARING._replace(digest=digest, remotes=())
    monkeypatch.setattr(datasets, "BIKE_SHARING", file)
    return folder / "bike_sharing_hour.csv"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_bike_sharing_leaves_out_what_gives_the_target_away(bikes, line_end):
    bikes.write_bytes(HOUR_CSV.replace("\n", line_end).encode())
    table = datasets.load_bike_sharing()
    assert dict(zip(table.feature_names, table.X[0], strict=True)) == {
        **{"season": 1, "yr": 0, "mnth": 1, "hr": 0, "holiday": 0, "weekday": 6},
        **{"workingday": 0, "weathersit": 1, "temp": 0.24, "atemp": 0.2879},
        **{"hum": 0.81, "windspeed": 0},
    }
    assert table.y.tolist() == [16.0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (HOUR_CSV.replace("season,yr", "yr,season"), "expected the columns instant,dteday,season"),
        (HOUR_CSV.replace("0.2879", "0.2878"), "expected data with the digest"),
        (HOUR_CSV.replace("0.2879", "warm"), "expected rows of numbers, got ValueError"),
        (HOUR_CSV.replace(",16\n", "\n"), "expected rows of numbers, got ValueError"),
        ("", "expected a CSV file, or a zip of one, got ValueError"),
        ("\udcff", "expected a CSV file, or a zip of one, got UnicodeDecodeError"),
    ],
)
def test_wrong_bike_files_are_refused(bikes, content, words):
    bikes.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DataError) as caught:
        datasets.load_bike_sharing()
    assert words in str(caught.value) and str(bikes) in str(caught.value)


TABLE_FILES = [
    ("CALIFORNIA_HOUSING", datasets.load_california_housing, 8),
    ("COVTYPE", datasets.load_covtype, 54),
]


@pytest.mark.parametrize(("constant", "load", "n_features"), TABLE_FILES)
def test_tables_are_read_from_the_data_dir(folder, monkeypatch, constant, load, n_features):
    X, y = np.arange(7 * n_features).reshape(7, -1).astype(np.int16), np.arange(1, 8)
    file = getattr(datasets, constant)
    monkeypatch.setattr(datasets, constant, file._replace(digest=content_digest([X, y])))
    np.savez(folder / file.name, X=X, y=y)
    table = load()
    np.testing.assert_array_equal(table.X, X)
    first = {"CALIFORNIA_HOUSING": 1, "COVTYPE": 0}[constant]  # classes are counted from 0
    np.testing.assert_array_equal(table.y, np.arange(first, first + 7))
    np.savez(folder / file.name, X=X + 1, y=y)
    with pytest.raises(DataError, match="expected data with the digest"):
        load()


# --- Tables with known anomalies ----------------------------------------------------------------

ANOMALY_FILES = ["THYROID", "CARDIO", "MAMMOGRAPHY", "SHUTTLE"]


def load_anomalies(constant):
    return getattr(datasets, f"load_{constant.lower()}")()


@pytest.fixture
def anomaly_file(folder, monkeypatch, request):
    """Expect a file of five rows, kept as NumPy's files sometimes are: column by column."""
    X = np.asfortranarray(np.arange(15).reshape(5, 3).astype(np.int16))
    y = np.array([0, 1, 0, 0, 1])
    file = getattr(datasets, request.param)._replace(digest=content_digest([X, y]), remotes=())
    monkeypatch.setattr(datasets, request.param, file)
    (folder / "adbench").mkdir()
    np.savez(folder / file.name, X=X, y=y)
    return request.param, folder / file.name


@pytest.mark.parametrize("anomaly_file", ANOMALY_FILES, indirect=True)
def test_anomaly_tables_are_read_from_the_data_dir(anomaly_file):
    constant, path = anomaly_file
    table = load_anomalies(constant)
    check_table(table)
    np.testing.assert_array_equal(table.X, np.arange(15).reshape(5, 3))
    assert table.y.tolist() == [0, 1, 0, 0, 1]
    assert table.target_names == ["normal", "anomaly"]
    assert table.numeric_columns == [0, 1, 2] and table.categories == {}
    np.savez(path, X=table.X, y=table.y)  # other types
    with pytest.raises(DataError, match="expected data with the digest"):
        load_anomalies(constant)


CONNECTIONS = [
    ("tcp,http,SF", "normal."),
    ("udp,domain_u,SF", "normal."),
    ("icmp,ecr_i,SF", "smurf."),
    ("tcp,http,REJ", "neptune."),
]
KDDCUP_CSV = "".join(
    f"{row},{kind},{','.join(str(row + i / 100) for i in range(4, 41))},{label}\n"
    for row, (kind, label) in enumerate(CONNECTIONS)
)


@pytest.fixture
def kddcup(folder, monkeypatch):
    """Expect a file of four connections."""
    path = folder / datasets.KDDCUP.name
    path.write_bytes(gzip.compress(KDDCUP_CSV.encode()))
    digest = content_digest(datasets.KDDCUP.read([path]))
    file = datasets.KDDCUP._replace(digest=digest, remotes=())
    monkeypatch.setattr(datasets, "KDDCUP", file)
    return path


def test_kddcup_has_numbers_categories_and_attacks(kddcup):
    table = datasets.load_kddcup99()
    check_table(table)
    assert table.y.tolist() == [0, 0, 1, 1] and table.target_names == ["normal", "attack"]
    assert list(table.categories) == ["protocol_type", "service", "flag"]
    texts = []
    for name, values in table.categories.items():
        codes = table.X[:, table.feature_names.index(name)].astype(int)
        texts.append([values[code] for code in codes])
    joined = [",".join(parts) for parts in zip(*texts, strict=True)]
    assert joined == [kind for kind, _ in CONNECTIONS]
    assert table.numeric_columns == [0, *range(4, 41)]
    np.testing.assert_array_equal(table.X[:, 0], range(4))
    expected = np.arange(4)[:, None] + np.arange(4, 41) / 100
    np.testing.assert_allclose(table.X[:, 4:], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not gzipped", "expected a gzipped CSV file, got BadGzipFile"),
        (gzip.compress(b"\xff\xfe"), "expected a gzipped CSV file, got UnicodeDecodeError"),
        (gzip.compress(b"1,2\n"), "expected rows with the columns of the set, got ValueError"),
        (
            gzip.compress(KDDCUP_CSV.replace("0.04", "many").encode()),
            "expected rows with the columns of the set, got ValueError",
        ),
        (
            gzip.compress(KDDCUP_CSV.replace("smurf", "normal").encode()),
            "expected data with the digest",
        ),
        (gzip.compress(KDDCUP_CSV.encode())[:-9], "expected a gzipped CSV file, got "),
    ],
)
def test_wrong_kddcup_files_are_refused(kddcup, content, words):
    kddcup.write_bytes(content)
    with pytest.raises(DataError) as caught:
        datasets.load_kddcup99()
    assert words in str(caught.value) and str(kddcup) in str(caught.value)


def test_kddcup_is_the_file_that_scikit_learn_knows():
    archive = sys.modules["sklearn.datasets._kddcup99"].ARCHIVE_10_PERCENT
    assert datasets.KDDCUP.remotes == (Remote(archive.url, f"sha256:{archive.checksum}"),)


def test_numeric_columns_are_those_without_categories():
    names, kinds = ["load", "valve", "speed"], {"valve": ["open", "shut"]}
    table = Table(np.zeros((2, 3)), np.zeros(2), names, ["y"], "made up", "none", kinds)
    assert table.numeric_columns == [0, 2]


# --- Downloads, from a server on this machine ---------------------------------------------------


class Server:
    """A web server of the files in ``files``; counts what it was asked for."""

    def __init__(self):
        self.files, self.asked = {}, []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path[1:]
                outer.asked.append(name)
                if name not in outer.files:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(outer.files[name])))
                self.end_headers()
                self.wfile.write(outer.files[name])

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def md5(content):
    return "md5:" + hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture
def web_mnist(folder, server, monkeypatch):
    """Expect the tiny MNIST at the server, under its true hash."""
    remote = Remote(f"{server.url}/mnist.npz", sha256(npz()))
    monkeypatch.setattr(datasets, "MNIST", datasets.MNIST._replace(remotes=(remote,)))
    server.files["mnist.npz"] = npz()
    return server


def test_download_is_kept_and_shows_its_progress(web_mnist, capsys):
    for _ in range(2):
        np.testing.assert_array_equal(datasets.load_mnist().X_train, ARRAYS["x_train"])
    assert web_mnist.asked == ["mnist.npz"]  # the second time, the cache had it
    assert "100%" in capsys.readouterr().err


def test_images_at_hand_are_never_downloaded(web_mnist):
    assert datasets.load_images_at_hand("mnist").is_stand_in is True
    assert web_mnist.asked == []
    datasets.load_mnist()  # now they are in the cache
    assert datasets.load_images_at_hand("mnist").is_stand_in is False
    assert web_mnist.asked == ["mnist.npz"]


def test_images_in_the_data_dir_are_at_hand(web_mnist, folder):
    (folder / "mnist.npz").write_bytes(npz())
    images = datasets.load_images_at_hand("mnist")
    np.testing.assert_array_equal(images.X_train, ARRAYS["x_train"])
    assert web_mnist.asked == []


def test_a_damaged_file_at_hand_is_no_stand_in(folder):
    (folder / "mnist.npz").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"mnist\.npz: expected a readable"):
        datasets.load_images_at_hand("mnist")


def test_data_dir_comes_before_the_web(web_mnist, folder):
    (folder / "mnist.npz").write_bytes(npz())
    datasets.load_mnist()
    assert web_mnist.asked == []


def test_data_dir_may_be_unset_or_no_folder(web_mnist, monkeypatch):
    monkeypatch.delenv("COURSE_DATA_DIR")
    datasets.load_mnist()
    monkeypatch.setenv("COURSE_DATA_DIR", "no/such/folder")
    datasets.load_mnist()
    assert web_mnist.asked == ["mnist.npz"]


def test_download_with_a_wrong_hash_is_refused_and_not_kept(web_mnist):
    web_mnist.files["mnist.npz"] = npz(one_pixel_changed())
    with pytest.raises(DataError, match=r"mnist\.npz: the download was refused") as caught:
        datasets.load_mnist()
    assert sha256(npz())[7:] in str(caught.value)
    assert sha256(npz(one_pixel_changed()))[7:] in str(caught.value)
    assert not list(_data_files.cache_dir().iterdir())


def test_damaged_cache_is_downloaded_again(web_mnist):
    datasets.load_mnist()
    (_data_files.cache_dir() / "mnist.npz").write_bytes(b"damaged")
    datasets.load_mnist()
    assert web_mnist.asked == ["mnist.npz"] * 2


def test_waiting_for_a_server_is_limited(web_mnist, monkeypatch):
    import requests

    seen = []

    def get(url, **options):
        seen.append(options["timeout"])
        raise requests.exceptions.ConnectTimeout("too slow")

    monkeypatch.setattr(requests, "get", get)
    with pytest.raises(DataNotFoundError, match="ConnectTimeout: too slow"):
        datasets.load_mnist()
    assert len(seen) == 1 and max(seen[0]) <= 30 and min(seen[0]) <= 5


def test_missing_on_the_web_says_what_to_do(web_mnist, folder):
    web_mnist.files.clear()
    with pytest.raises(DataNotFoundError) as caught:
        datasets.load_mnist()
    text = str(caught.value)
    for words in (
        *("mnist.npz was not found", str(folder), str(_data_files.cache_dir()), web_mnist.url),
        *("set COURSE_DATA_DIR", "connect to the network", "stand_in=True", "404"),
    ):
        assert words in text
    assert isinstance(caught.value, FileNotFoundError)
    assert isinstance(caught.value.__cause__, OSError)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("constant", "load"), [("MNIST", LOADERS[0]), ("FASHION_MNIST", LOADERS[1])]
)
def test_no_connection_never_falls_back(folder, monkeypatch, constant, load):
    remote = Remote(f"http://127.0.0.1:{closed_port()}/images.npz", None)
    monkeypatch.setattr(datasets, constant, getattr(datasets, constant)._replace(remotes=(remote,)))
    with pytest.raises(DataNotFoundError, match=r"stand_in=True(.|\n)*ConnectionError"):
        load()
    assert load(stand_in=True).is_stand_in


def zipped(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("Readme.txt", "about")
        archive.writestr("hour.csv", text)
    return file.getvalue()


@pytest.fixture
def web_bikes(bikes, server, monkeypatch):
    remote = Remote(f"{server.url}/bike+sharing+dataset.zip", None)
    monkeypatch.setattr(datasets, "BIKE_SHARING", datasets.BIKE_SHARING._replace(remotes=(remote,)))
    return server


def test_bike_sharing_is_read_from_its_zip(web_bikes):
    web_bikes.files["bike+sharing+dataset.zip"] = zipped(HOUR_CSV.replace("\n", "\r\n"))
    assert datasets.load_bike_sharing().y.tolist() == [16.0]


@pytest.mark.parametrize(
    "bad", [b"<html>Log in first</html>", zipped(HOUR_CSV.replace("81", "82"))]
)
def test_download_without_a_known_hash_is_judged_by_its_content(web_bikes, bad):
    web_bikes.files["bike+sharing+dataset.zip"] = bad
    with pytest.raises(DataError):
        datasets.load_bike_sharing()
    web_bikes.files["bike+sharing+dataset.zip"] = zipped(HOUR_CSV)
    assert datasets.load_bike_sharing().y.tolist() == [16.0]  # the bad file was not kept


def test_no_stand_in_is_offered_where_there_is_none(web_bikes):
    with pytest.raises(DataNotFoundError) as caught:
        datasets.load_bike_sharing()
    assert "pass stand_in" not in str(caught.value)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def web_fashion(folder, server, monkeypatch):
    """Expect the tiny set as Fashion-MNIST's four files; one of the hashes is unknown."""
    server.files = {f"{key}.gz": idx(array) for key, array in ARRAYS.items()}
    remotes = tuple(Remote(f"{server.url}/{name}", md5(f)) for name, f in server.files.items())
    remotes = (*remotes[:3], remotes[3]._replace(known_hash=None))
    file = datasets.FASHION_MNIST._replace(digest=DIGEST, remotes=remotes)
    monkeypatch.setattr(datasets, "FASHION_MNIST", file)
    return server


def test_fashion_mnist_is_read_from_its_four_files(web_fashion):
    images = datasets.load_fashion_mnist()
    np.testing.assert_array_equal(images.X_test, ARRAYS["x_test"])
    np.testing.assert_array_equal(images.y_train, ARRAYS["y_train"])
    assert not images.is_stand_in


@pytest.mark.parametrize(
    "bad", [b"", gzip.compress(b"\0\0\x08\x01\0\0\0\x09\1"), idx(np.arange(2))]
)
def test_wrong_idx_file_is_refused(web_fashion, bad):
    web_fashion.files["y_test.gz"] = bad
    with pytest.raises(DataError, match=r"y_test\.gz"):
        datasets.load_fashion_mnist()


def test_anomaly_tables_and_connections_are_downloaded(folder, server, monkeypatch):
    names = ["38_thyroid.npz", "5976042"]
    X, y = np.arange(6.0).reshape(2, 3), np.array([0, 1])
    server.files = {names[0]: npz({"X": X, "y": y}), names[1]: gzip.compress(KDDCUP_CSV.encode())}
    (folder / "local").write_bytes(server.files[names[1]])
    digests = [content_digest([X, y]), content_digest(datasets.KDDCUP.read([folder / "local"]))]
    for constant, name, digest in zip(["THYROID", "KDDCUP"], names, digests, strict=True):
        file = getattr(datasets, constant)
        assert file.remotes[0].url.endswith(f"/{name}")
        remote = Remote(f"{server.url}/{name}", sha256(server.files[name]))
        monkeypatch.setattr(datasets, constant, file._replace(digest=digest, remotes=(remote,)))
    for _ in range(2):
        assert datasets.load_thyroid().y.tolist() == [0, 1]
        assert datasets.load_kddcup99().y.tolist() == [0, 0, 1, 1]
    assert server.asked == names  # the second time, the cache had them
    server.files.clear()
    (_data_files.cache_dir() / names[0]).unlink()
    with pytest.raises(DataNotFoundError, match=r"folder that holds adbench/38_thyroid\.npz"):
        datasets.load_thyroid()


# --- Downloads that scikit-learn does -----------------------------------------------------------


def california_archive():
    """Return rows of the form that scikit-learn downloads: one district, as text in a tar file."""
    row = b"-122.23,37.88,41,880,129,322,126,8.3252,452600\n" * 2
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        member = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        member.size = len(row)
        archive.addfile(member, io.BytesIO(row))
    return file.getvalue()


def covtype_archive():
    rows = [",".join(map(str, [*range(54), kind])) for kind in range(1, 8)]
    return gzip.compress("\n".join(rows).encode())


@pytest.fixture(params=["california_housing", "covtype"])
def by_sklearn(request, folder, server, monkeypatch):
    """Make scikit-learn download from the server; return the name of the set and the server."""
    content = {"california_housing": california_archive, "covtype": covtype_archive}[
        request.param
    ]()
    module = sys.modules[f"sklearn.datasets._{request.param}"]
    known = {"url": f"{server.url}/archive", "checksum": sha256(content)[7:]}
    monkeypatch.setattr(module, "ARCHIVE", module.ARCHIVE._replace(**known))
    server.files["archive"] = content
    return request.param, server


def test_sklearn_downloads_into_our_cache(by_sklearn):
    name, server = by_sklearn
    for _ in range(2):
        table = getattr(datasets, f"load_{name}")()
    assert server.asked == ["archive"]
    assert table.X.dtype == np.float64 and table.X.flags.c_contiguous
    if name == "covtype":
        assert "full set of 7 rows" in table.source
        check_table(table)
        assert table.y.tolist() == list(range(7))
    else:
        np.testing.assert_allclose(table.X[0, :3], [8.3252, 41, 880 / 126])
        assert table.y.tolist() == [4.526] * 2


@pytest.mark.filterwarnings("ignore:Retry downloading")
def test_sklearn_without_a_file_says_what_to_do(by_sklearn):
    name, server = by_sklearn
    server.files.clear()
    before = socket.getdefaulttimeout()
    with pytest.raises(DataNotFoundError, match=r"set COURSE_DATA_DIR(.|\n)*HTTP Error 404"):
        getattr(datasets, f"load_{name}")()
    assert socket.getdefaulttimeout() == before


def test_sklearn_refuses_a_wrong_file(by_sklearn):
    name, server = by_sklearn
    server.files["archive"] += b"more"
    with pytest.raises(DataNotFoundError, match="SHA256 checksum"):
        getattr(datasets, f"load_{name}")()


def test_sklearn_does_not_wait_for_ever():
    seen = []

    def fetch(**options):
        seen.append(socket.getdefaulttimeout())
        raise TimeoutError("too slow")

    with pytest.raises(DataNotFoundError, match="TimeoutError: too slow"):
        _data_files.fetch_with_sklearn(fetch, "set.npz")
    assert seen == [5] and socket.getdefaulttimeout() is None


# --- The real files, where COURSE_DATA_DIR has them ---------------------------------------------


def real(file: DataFile):
    found = _data_files.in_data_dir(file.name) is not None
    return pytest.mark.skipif(not found, reason=f"{file.name} is not in COURSE_DATA_DIR")


@real(datasets.CALIFORNIA_HOUSING)
def test_real_california_housing():
    housing = datasets.load_california_housing()
    check_table(housing)
    assert housing.X.shape == (20640, 8)
    assert housing.y.mean() == pytest.approx(2.0686, abs=1e-4)
    assert housing.y.max() == 5.00001


@real(datasets.BIKE_SHARING)
def test_real_bike_sharing():
    bikes = datasets.load_bike_sharing()
    check_table(bikes)
    assert bikes.X.shape == (17379, 12)
    assert bikes.y.sum() == 3292679
    text = (Path(os.environ["COURSE_DATA_DIR"]) / datasets.BIKE_SHARING.name).read_text()
    casual, registered = np.loadtxt(text.splitlines()[1:], delimiter=",", usecols=(14, 15)).T
    np.testing.assert_array_equal(casual + registered, bikes.y)  # the leakage that is left out
    for column in bikes.X.T:
        assert not np.array_equal(column, casual) and not np.array_equal(column, registered)


@real(datasets.COVTYPE)
def test_real_covtype():
    cover = datasets.load_covtype()
    check_table(cover)
    assert cover.X.shape == (100_000, 54) and "subset of 100,000" in cover.source
    for prefix in ("Wilderness_Area_", "Soil_Type_"):
        one_hot = [name.startswith(prefix) for name in cover.feature_names]
        np.testing.assert_array_equal(cover.X[:, one_hot].sum(axis=1), 1)
    names = np.load(_data_files.in_data_dir("covtype_100k.npz"))["feature_names"]
    assert cover.feature_names == names.tolist()
    height = [cover.X[cover.y == kind, 0].mean() for kind in range(7)]
    assert cover.target_names[np.argmax(height)] == "Krummholz"  # it grows at the tree line
    assert cover.target_names[np.argmin(height)] == "Cottonwood/Willow"


ANOMALY_SIZES = [
    ("THYROID", (3772, 6), 93),
    ("CARDIO", (1831, 21), 176),
    ("MAMMOGRAPHY", (11183, 6), 260),
    ("SHUTTLE", (49097, 9), 3511),
]


@pytest.mark.parametrize(
    ("constant", "shape", "n_anomalies"),
    [pytest.param(*row, marks=real(getattr(datasets, row[0]))) for row in ANOMALY_SIZES],
)
def test_real_anomaly_tables(constant, shape, n_anomalies):
    table = load_anomalies(constant)
    check_table(table)
    assert table.X.shape == shape and table.y.sum() == n_anomalies
    path = _data_files.in_data_dir(getattr(datasets, constant).name)
    remote = getattr(datasets, constant).remotes[0]
    assert sha256(path.read_bytes()) == remote.known_hash and remote.url.endswith(path.name)
    normal, anomalous = (np.median(table.X[table.y == kind], axis=0) for kind in (0, 1))
    assert (np.abs(normal - anomalous) > 0.5 * table.X.std(axis=0)).any()


@real(datasets.KDDCUP)
def test_real_kddcup():
    table = datasets.load_kddcup99()
    check_table(table)
    assert table.X.shape == (494021, 41) and np.sum(table.y == 0) == 97278
    sizes = {name: len(values) for name, values in table.categories.items()}
    assert sizes == {"protocol_type": 3, "service": 66, "flag": 11}
    path = _data_files.in_data_dir(datasets.KDDCUP.name)
    assert sha256(path.read_bytes()) == datasets.KDDCUP.remotes[0].known_hash


MNIST_SIZES = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


@real(datasets.MNIST)
def test_real_mnist():
    mnist = datasets.load_mnist()
    check_images(mnist, 60_000, 10_000)
    assert np.bincount(mnist.y_train).tolist() == MNIST_SIZES
    assert not mnist.is_stand_in


@real(datasets.FASHION_MNIST)
def test_real_fashion_mnist():
    fashion = datasets.load_fashion_mnist()
    check_images(fashion, 60_000, 10_000)
    assert set(np.bincount(fashion.y_train)) == {6000} and set(np.bincount(fashion.y_test)) == {
        1000
    }
    trouser = fashion.X_train[fashion.y_train == fashion.target_names.index("Trouser")].mean(axis=0)
    assert trouser[20:, 13:15].mean() < trouser[20:, 9:12].mean()  # a gap between the legs


# --- Arguments ----------------------------------------------------------------------------------

IMAGE = np.zeros((1, 28, 28), dtype=np.uint8)
EXTRA = [
    (getattr(datasets, name), (True,), {}, TypeError, "positional argument")
    for name in datasets.__all__
    if name.startswith("load_") and name != "load_images_at_hand"
]
BAD_CALLS = [
    *EXTRA,
    (datasets.load_mnist, (), {"stand_in": "yes"}, TypeError, "stand_in: expected True or False"),
    (datasets.load_mnist, (), {"stand_in": None}, TypeError, "stand_in: expected True or False"),
    (datasets.load_fashion_mnist, (), {"stand_in": 1}, TypeError, "stand_in: expected True or"),
    (
        *(datasets.load_images_at_hand, ("cifar",), {}),
        *(ValueError, "name: expected mnist or fashion_mnist, got 'cifar'"),
    ),
    (datasets.load_images_at_hand, ([],), {}, ValueError, "name: expected mnist or"),
    (datasets.load_images_at_hand, (), {}, TypeError, "missing 1 required positional argument"),
    (
        *(Table, (np.zeros((3, 1)), np.zeros(2), ["a"], ["b"], "s", "l"), {}),
        *(ValueError, "y: expected 3 values like X, got 2"),
    ),
    (
        *(Table, (np.zeros((3, 2)), np.zeros(3), ["a"], ["b"], "s", "l"), {}),
        *(ValueError, "feature_names: expected 2 values like a row of X, got 1"),
    ),
    (
        *(Table, (np.zeros((3, 1)), np.zeros(3), ["a"], ["b"], "s", "l", {"c": ["d"]}), {}),
        *(ValueError, "categories: expected names of features, got c"),
    ),
    (
        *(ImageSet, (IMAGE, [0, 1], IMAGE, [0], ["a"], "s", "l", False), {}),
        *(ValueError, "y_train: expected 1 values like X_train, got 2"),
    ),
    (
        *(ImageSet, (IMAGE, [0], IMAGE, [], ["a"], "s", "l", False), {}),
        *(ValueError, "y_test: expected 1 values like X_test, got 0"),
    ),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "error", "words"), BAD_CALLS)
def test_bad_calls_say_what_is_wrong(function, args, kwargs, error, words):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    assert words in str(caught.value)


def test_every_public_function_has_a_bad_call():
    errors = {"DataError", "DataNotFoundError"}
    assert {function.__name__ for function, *_ in BAD_CALLS} == set(datasets.__all__) - errors
