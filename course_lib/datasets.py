"""The data sets of the course, each as plain NumPy arrays with its names, source and licence.

Small tables come with the library or with scikit-learn. The larger sets are
looked for in the folder named by the environment variable ``COURSE_DATA_DIR``,
then in the library's own cache, then downloaded; what is found is checked.
Where a set cannot be had, the loader says so: it never shows other data
unless the caller asks for a stand-in.
"""

from dataclasses import dataclass, field

import numpy as np

from course_lib._data_files import (
    DataError,
    DataFile,
    DataNotFoundError,
    fetch_with_sklearn,
    in_data_dir,
    is_at_hand,
    load_checked,
)
from course_lib._data_registry import (
    BIKE_COLUMNS,
    BIKE_SHARING,
    CALIFORNIA_HOUSING,
    CARDIO,
    COVER_CLASSES,
    COVER_NAMES,
    COVTYPE,
    DIGIT_CLASSES,
    FASHION_MNIST,
    GARMENT_CLASSES,
    HOUSING_NAMES,
    KDDCUP,
    KDDCUP_CATEGORIES,
    KDDCUP_COLUMNS,
    MAMMOGRAPHY,
    MNIST,
    SHUTTLE,
    THYROID,
)
from course_lib._validation import message, same_length

__all__ = [
    "DataError",
    "DataNotFoundError",
    "ImageSet",
    "Table",
    "load_bike_sharing",
    "load_breast_cancer",
    "load_california_housing",
    "load_cardio",
    "load_covtype",
    "load_diabetes",
    "load_digits",
    "load_fashion_mnist",
    "load_images_at_hand",
    "load_iris",
    "load_kddcup99",
    "load_mammography",
    "load_mnist",
    "load_pizza_prices",
    "load_shuttle",
    "load_thyroid",
    "load_wine",
]


@dataclass(frozen=True)
class Table:
    """A table of examples: one row for each sample, one column for each feature.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features, float64.
    y : ndarray of shape (n_samples,)
        Target: float64 for a quantity, int64 (counted from 0) for a class.
    feature_names : list of str
        Name of each column of ``X``.
    target_names : list of str
        Name of each class, or the one name of the quantity.
    source, licence : str
        Where the data come from, and on what terms.
    categories : dict of str to list of str, optional
        For each column of ``X`` that holds numbers of categories, counted from 0: its name,
        and the names of the categories. No such column when left out.

    Raises
    ------
    ValueError
        If the numbers of rows, or of columns and names, differ, or a column of
        ``categories`` is none of the features.

    Examples
    --------
    >>> Table(np.zeros((3, 1)), np.zeros(3), ["length"], ["price"], "made up", "none").X.shape
    (3, 1)
    """

    X: np.ndarray
    y: np.ndarray
    feature_names: list[str]
    target_names: list[str]
    source: str
    licence: str
    categories: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        same_length(self.X, self.y, "X", "y")
        same_length(self.X[0], self.feature_names, "a row of X", "feature_names")
        unknown = sorted(set(self.categories) - set(self.feature_names))
        if unknown:
            raise ValueError(message("categories", "names of features", ", ".join(unknown)))

    @property
    def numeric_columns(self) -> list[int]:
        """Indices of the columns that hold no category."""
        return [i for i, name in enumerate(self.feature_names) if name not in self.categories]


@dataclass(frozen=True)
class ImageSet:
    """Grey images of ten classes, with their official split into training and test set.

    Parameters
    ----------
    X_train, X_test : ndarray of shape (n_samples, 28, 28)
        Grey levels 0 to 255, uint8.
    y_train, y_test : ndarray of shape (n_samples,)
        Classes 0 to 9, int64.
    target_names : list of str
        Name of each class.
    source, licence : str
        Where the data come from, and on what terms.
    is_stand_in : bool
        True when these are not the images that the loader is named after.

    Raises
    ------
    ValueError
        If the numbers of images and classes differ.

    Examples
    --------
    >>> image = np.zeros((1, 28, 28), dtype=np.uint8)
    >>> ImageSet(image, [0], image, [0], ["blank"], "made up", "none", True).is_stand_in
    True
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    target_names: list[str]
    source: str
    licence: str
    is_stand_in: bool

    def __post_init__(self) -> None:
        same_length(self.X_train, self.y_train, "X_train", "y_train")
        same_length(self.X_test, self.y_test, "X_test", "y_test")


# --- Tables that need no file -------------------------------------------------------------------

_SKLEARN_LICENCE = "none stated; shipped with scikit-learn (BSD-3-Clause)"


def load_pizza_prices() -> Table:
    """Return the prices of twelve pizzas, in euros, by their diameter in centimetres.

    The table is invented. The price grows by about 0.45 euro per centimetre,
    except for two pizzas sold at a reduced price: a model that learns them by
    heart predicts badly near them.

    Returns
    -------
    Table
        X (12, 1), y (12,).

    Examples
    --------
    >>> pizza = load_pizza_prices()
    >>> pizza.feature_names, pizza.X[0], pizza.y[0]
    (['diameter_cm'], array([18.]), np.float64(6.2))
    """
    diameter = np.array([18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 40, 45], dtype=np.float64)
    price = np.array([6.2, 6.9, 8.1, 8.6, 6.5, 10.8, 11.3, 12.6, 9.5, 14.4, 15.9, 18.3])
    return Table(
        X=diameter[:, None],
        y=price,
        feature_names=["diameter_cm"],
        target_names=["price_eur"],
        source="Twelve pizzas invented for this course; two of them are on promotion",
        licence="the course's own",
    )


def load_iris() -> Table:
    """Return Fisher's irises: four lengths in centimetres, three species.

    Returns
    -------
    Table
        X (150, 4), y (150,).

    Examples
    --------
    >>> load_iris().target_names
    ['setosa', 'versicolor', 'virginica']
    """
    from sklearn import datasets

    return _classes(datasets.load_iris(), "Iris (R. A. Fisher, 1936)")


def load_wine() -> Table:
    """Return thirteen chemical measures of wines from three growers.

    Returns
    -------
    Table
        X (178, 13), y (178,).

    Examples
    --------
    >>> load_wine().X.shape
    (178, 13)
    """
    from sklearn import datasets

    return _classes(datasets.load_wine(), "Wine recognition (M. Forina et al., 1991)")


def load_breast_cancer() -> Table:
    """Return thirty measures of cell nuclei; class 0 is malignant, class 1 benign.

    Returns
    -------
    Table
        X (569, 30), y (569,).

    Examples
    --------
    >>> load_breast_cancer().target_names
    ['malignant', 'benign']
    """
    from sklearn import datasets

    source = "Breast Cancer Wisconsin, diagnostic (W. H. Wolberg et al., 1995)"
    return _classes(datasets.load_breast_cancer(), source)


def load_digits() -> Table:
    """Return 1,797 handwritten digits as 64 grey levels from 0 to 16, row by row.

    Returns
    -------
    Table
        X (1797, 64), y (1797,).

    Examples
    --------
    >>> load_digits().X.shape
    (1797, 64)
    """
    from sklearn import datasets

    source = "Optical recognition of handwritten digits, test part (E. Alpaydin, C. Kaynak, 1998)"
    return _classes(datasets.load_digits(), source)


def load_diabetes() -> Table:
    """Return ten measures of 442 patients, in their own units, and the disease a year later.

    Returns
    -------
    Table
        X (442, 10), y (442,): a measure of the progression of the disease, 25 to 346.

    Examples
    --------
    >>> diabetes = load_diabetes()
    >>> dict(zip(diabetes.feature_names[:3], diabetes.X[0, :3].tolist()))
    {'age': 59.0, 'sex': 2.0, 'bmi': 32.1}
    """
    from sklearn import datasets

    bunch = datasets.load_diabetes(scaled=False)
    return Table(
        X=bunch.data,
        y=bunch.target,
        feature_names=list(bunch.feature_names),
        target_names=["disease_progression"],
        source="Diabetes (B. Efron et al., Least Angle Regression, 2004), from scikit-learn",
        licence="none stated",
    )


def _classes(bunch, source: str) -> Table:
    """Return a classification set of scikit-learn as a table."""
    return Table(
        X=bunch.data.astype(np.float64),
        y=bunch.target.astype(np.int64),
        feature_names=[str(name) for name in bunch.feature_names],
        target_names=[str(name) for name in bunch.target_names],
        source=f"{source}, from scikit-learn",
        licence=_SKLEARN_LICENCE,
    )


# --- Larger tables ------------------------------------------------------------------------------


def load_california_housing() -> Table:
    """Return 20,640 districts of California and their median house value, in 100,000 dollars.

    Returns
    -------
    Table
        X (20640, 8), y (20640,), in scikit-learn's order and units.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> housing = load_california_housing()  # doctest: +SKIP
    >>> housing.feature_names[0], housing.X[0, 0]  # doctest: +SKIP
    ('MedInc', np.float64(8.3252))
    """
    if in_data_dir(CALIFORNIA_HOUSING.name):
        X, y = load_checked(CALIFORNIA_HOUSING)
    else:
        from sklearn.datasets import fetch_california_housing

        bunch = fetch_with_sklearn(fetch_california_housing, CALIFORNIA_HOUSING.name)
        X, y = bunch.data, bunch.target
    return Table(
        X=np.ascontiguousarray(X),
        y=y,
        feature_names=HOUSING_NAMES.copy(),
        target_names=["MedHouseVal"],
        source="California housing, census of 1990 (R. K. Pace, R. Barry, 1997)",
        licence="none stated",
    )


def load_bike_sharing() -> Table:
    """Return 17,379 hours of 2011 and 2012 in Washington and how many bicycles were hired.

    The file's columns ``casual`` and ``registered`` are left out: they add up
    to the target ``cnt``, and a model that saw them would have nothing to
    learn (leakage). So are the row number and the date, which the columns for
    year, month, weekday and hour repeat. The rows are in the order of time.

    Returns
    -------
    Table
        X (17379, 12), y (17379,): hires in the hour.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> bikes = load_bike_sharing()  # doctest: +SKIP
    >>> bikes.X.shape, bikes.y[:3]  # doctest: +SKIP
    ((17379, 12), array([16., 40., 32.]))
    """
    [columns] = load_checked(BIKE_SHARING)
    return Table(
        X=columns[:, :12].copy(),
        y=columns[:, -1].copy(),
        feature_names=BIKE_COLUMNS[2:14],
        target_names=["cnt"],
        source="Bike Sharing, hourly (H. Fanaee-T, J. Gama, 2013, doi 10.1007/s13748-013-0040-3)",
        licence="CC BY 4.0, says the UCI repository; cite the paper",
    )


def load_covtype() -> Table:
    """Return patches of forest, 30 m by 30 m: 54 map features, seven kinds of trees.

    ``source`` says whether these are the 100,000 rows of the file in
    ``COURSE_DATA_DIR`` or all 581,012 rows, which scikit-learn downloads.

    Returns
    -------
    Table
        X (n_samples, 54), y (n_samples,): classes 0 to 6, where the original counts 1 to 7.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> cover = load_covtype()  # doctest: +SKIP
    >>> cover.target_names[cover.y[0]]  # doctest: +SKIP
    'Krummholz'
    """
    if in_data_dir(COVTYPE.name):
        X, y = load_checked(COVTYPE)
        rows = "a subset of 100,000 of the 581,012 rows"
    else:
        from sklearn.datasets import fetch_covtype

        bunch = fetch_with_sklearn(fetch_covtype, COVTYPE.name)
        X, y = bunch.data, bunch.target
        rows = f"the full set of {len(y):,} rows"
    return Table(
        X=X.astype(np.float64),
        y=y.astype(np.int64) - 1,
        feature_names=COVER_NAMES.copy(),
        target_names=COVER_CLASSES.copy(),
        source=f"Covertype (J. A. Blackard, D. J. Dean, 1998), {rows}",
        licence="reuse unlimited; (c) J. A. Blackard and Colorado State University",
    )


# --- Tables with known anomalies ----------------------------------------------------------------


def load_thyroid() -> Table:
    """Return six measures of the thyroid of 3,772 patients; 93 of them are ill.

    The anomalies are the patients whose gland works too much.

    Returns
    -------
    Table
        X (3772, 6), y (3772,): 1 for an anomaly.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> thyroid = load_thyroid()  # doctest: +SKIP
    >>> thyroid.y.sum()  # doctest: +SKIP
    np.int64(93)
    """
    return _anomalies(THYROID, "Thyroid disease (J. R. Quinlan, 1987)")


def load_cardio() -> Table:
    """Return 21 measures of the heartbeat of 1,831 children before birth; 176 are in danger.

    The doctors' class in between, the suspect one, was left out by those who made the set,
    and so were some of those in danger.

    Returns
    -------
    Table
        X (1831, 21), y (1831,): 1 for an anomaly.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> cardio = load_cardio()  # doctest: +SKIP
    >>> cardio.y.sum()  # doctest: +SKIP
    np.int64(176)
    """
    return _anomalies(CARDIO, "Cardiotocography (D. Ayres-de-Campos et al., 2000)")


def load_mammography() -> Table:
    """Return six measures of 11,183 spots in X-ray images; 260 are calcifications.

    Their values are standardised already.

    Returns
    -------
    Table
        X (11183, 6), y (11183,): 1 for an anomaly.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> spots = load_mammography()  # doctest: +SKIP
    >>> spots.y.sum()  # doctest: +SKIP
    np.int64(260)
    """
    return _anomalies(MAMMOGRAPHY, "Mammography (K. S. Woods et al., 1993)")


def load_shuttle() -> Table:
    """Return nine sensors of a space shuttle at 49,097 moments; 3,511 are not normal.

    The anomalies are five rare states of a radiator; a sixth was left out by those who made the
    set.

    Returns
    -------
    Table
        X (49097, 9), y (49097,): 1 for an anomaly.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> shuttle = load_shuttle()  # doctest: +SKIP
    >>> shuttle.y.sum()  # doctest: +SKIP
    np.int64(3511)
    """
    return _anomalies(SHUTTLE, "Statlog, shuttle (J. Catlett, NASA)")


def load_kddcup99() -> Table:
    """Return 494,021 connections of a simulated network: 41 features each; most are attacks.

    The ten-percent part of the set. Only 97,278 connections are normal, and many rows occur
    more than once: one attack alone fills half of the table. The columns protocol_type,
    service and flag hold the numbers of their ``categories``.

    Returns
    -------
    Table
        X (494021, 41), y (494021,): 0 for a normal connection, 1 for an attack.

    Raises
    ------
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> connections = load_kddcup99()  # doctest: +SKIP
    >>> connections.categories["protocol_type"]  # doctest: +SKIP
    ['icmp', 'tcp', 'udp']
    """
    quantities, texts = load_checked(KDDCUP)
    X = np.empty((len(texts), len(KDDCUP_COLUMNS)))
    categories = {}
    for name, column in zip(KDDCUP_CATEGORIES, texts.T, strict=False):
        values, X[:, KDDCUP_COLUMNS.index(name)] = np.unique(column, return_inverse=True)
        categories[name] = [value.decode() for value in values.tolist()]
    X[:, [name not in categories for name in KDDCUP_COLUMNS]] = quantities
    return Table(
        X=X,
        y=(texts[:, -1] != b"normal.").astype(np.int64),
        feature_names=KDDCUP_COLUMNS.copy(),
        target_names=["normal", "attack"],
        source="KDD Cup 1999, the ten-percent part (S. Hettich, S. D. Bay, UCI, 1999)",
        licence="CC BY 4.0, says the UCI repository",
        categories=categories,
    )


def _anomalies(file: DataFile, source: str) -> Table:
    """Return a set of ADBench, which does not name its columns."""
    X, y = load_checked(file)
    return Table(
        X=X.astype(np.float64, order="C"),
        y=y.astype(np.int64),
        feature_names=[f"feature_{i}" for i in range(X.shape[1])],
        target_names=["normal", "anomaly"],
        source=f"{source}, as in ADBench (S. Han et al., 2022)",
        licence="BSD-2-Clause, of ADBench, which took the set from ODDS",
    )


# --- Images -------------------------------------------------------------------------------------

_OR_STAND_IN = ", or pass stand_in=True for a small set that needs no file"


def load_mnist(*, stand_in: bool = False) -> ImageSet:
    """Return MNIST: 60,000 and 10,000 handwritten digits.

    The stand-in is scikit-learn's 1,797 digits of 8 x 8 pixels, enlarged to
    20 x 20 in a frame of 28 x 28 as MNIST's are; 297 of them are the test set.

    Parameters
    ----------
    stand_in : bool
        Ask for the stand-in, which needs neither file nor network.

    Returns
    -------
    ImageSet
        ``is_stand_in`` and ``source`` say which images these are.

    Raises
    ------
    TypeError
        If ``stand_in`` is not a boolean.
    DataNotFoundError
        If the file is nowhere and cannot be downloaded.
    DataError
        If the file found is not the expected one.

    Examples
    --------
    >>> digits = load_mnist(stand_in=True)
    >>> digits.X_train.shape, digits.X_test.shape, digits.is_stand_in
    ((1500, 28, 28), (297, 28, 28), True)
    """
    names = DIGIT_CLASSES.copy()
    if _is_true(stand_in):
        from course_lib._stand_ins import enlarged_digits

        split = enlarged_digits(load_digits())
        source = "Stand-in for MNIST: scikit-learn's 1,797 digits of 8 x 8 pixels, enlarged"
        return ImageSet(*split, names, source, _SKLEARN_LICENCE, is_stand_in=True)
    arrays = load_checked(MNIST, otherwise=_OR_STAND_IN)
    source = "MNIST (Y. LeCun, C. Cortes, C. J. C. Burges, 1998)"
    return _image_set(arrays, names, source, "CC BY-SA 3.0, says Keras")


def load_fashion_mnist(*, stand_in: bool = False) -> ImageSet:
    """Return Fashion-MNIST: 60,000 and 10,000 photographs of garments in ten classes.

    The stand-in is 1,000 and 200 garments drawn by the library from a few
    polygons each, with Fashion-MNIST's classes in the same order.

    Parameters
    ----------
    stand_in : bool
        Ask for the stand-in, which needs neither file nor network.

    Returns
    -------
    ImageSet
        ``is_stand_in`` and ``source`` say which images these are.

    Raises
    ------
    TypeError
        If ``stand_in`` is not a boolean.
    DataNotFoundError
        If the files are nowhere and cannot be downloaded.
    DataError
        If a file found is not the expected one.

    Examples
    --------
    >>> garments = load_fashion_mnist(stand_in=True)
    >>> garments.X_train.shape, garments.target_names[1], garments.is_stand_in
    ((1000, 28, 28), 'Trouser', True)
    """
    names = GARMENT_CLASSES.copy()
    if _is_true(stand_in):
        from course_lib._stand_ins import drawn_garments

        split = drawn_garments()
        source = "Stand-in for Fashion-MNIST: garments drawn by this library from polygons"
        return ImageSet(*split, names, source, "the course's own", is_stand_in=True)
    arrays = load_checked(FASHION_MNIST, otherwise=_OR_STAND_IN)
    source = "Fashion-MNIST (H. Xiao, K. Rasul, R. Vollgraf, 2017)"
    return _image_set(arrays, names, source, "MIT, (c) 2017 Zalando SE")


def load_images_at_hand(name: str) -> ImageSet:
    """Return the real images where they are on this machine already, else their stand-in.

    For pages and notebooks, which must run without a network and on any machine; they
    print ``source``, so that a reader knows which images these are.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist"}
        Which images.

    Returns
    -------
    ImageSet
        ``is_stand_in`` and ``source`` say which images these are.

    Raises
    ------
    ValueError
        If the name is another one.
    DataError
        If there is a file and it is not the expected one.

    Examples
    --------
    >>> load_images_at_hand("mnist").X_train.shape[1:]
    (28, 28)
    """
    sets = {"mnist": (MNIST, load_mnist), "fashion_mnist": (FASHION_MNIST, load_fashion_mnist)}
    if not isinstance(name, str) or name not in sets:
        raise ValueError(message("name", " or ".join(sets), repr(name)))
    file, load = sets[name]
    return load(stand_in=not is_at_hand(file))


def _image_set(arrays: list[np.ndarray], names: list[str], source: str, licence: str) -> ImageSet:
    X_train, y_train, X_test, y_test = arrays
    return ImageSet(
        *(X_train, y_train.astype(np.int64), X_test, y_test.astype(np.int64)),
        *(names, source, licence),
        is_stand_in=False,
    )


def _is_true(stand_in: bool) -> bool:
    if not isinstance(stand_in, bool):
        raise TypeError(message("stand_in", "True or False", repr(stand_in)))
    return stand_in
