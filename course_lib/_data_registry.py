"""What is known of each data file: its name, its digest, its columns, its address on the web."""

from pathlib import Path

import numpy as np

from course_lib._data_files import DataFile, Remote, read_csv, read_idx, read_npz

HOUSING_NAMES = [
    *("MedInc", "HouseAge", "AveRooms", "AveBedrms"),
    *("Population", "AveOccup", "Latitude", "Longitude"),
]
BIKE_COLUMNS = [
    *("instant", "dteday", "season", "yr", "mnth", "hr", "holiday", "weekday", "workingday"),
    *("weathersit", "temp", "atemp", "hum", "windspeed", "casual", "registered", "cnt"),
]
COVER_NAMES = [
    *("Elevation", "Aspect", "Slope"),
    *("Horizontal_Distance_To_Hydrology", "Vertical_Distance_To_Hydrology"),
    *("Horizontal_Distance_To_Roadways", "Hillshade_9am", "Hillshade_Noon", "Hillshade_3pm"),
    "Horizontal_Distance_To_Fire_Points",
    *(f"Wilderness_Area_{i}" for i in range(4)),
    *(f"Soil_Type_{i}" for i in range(40)),
]
COVER_CLASSES = [
    *("Spruce/Fir", "Lodgepole Pine", "Ponderosa Pine", "Cottonwood/Willow"),
    *("Aspen", "Douglas-fir", "Krummholz"),
]
DIGIT_CLASSES = [str(digit) for digit in range(10)]
GARMENT_CLASSES = [
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
]

_KERAS_KEYS = ("x_train", "y_train", "x_test", "y_test")
_KERAS_FOLDER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"


def _read_xy(paths: list[Path]) -> list[np.ndarray]:
    return read_npz(paths[0], ("X", "y"))


def _read_bikes(paths: list[Path]) -> list[np.ndarray]:
    # Columns 0 and 1 are a row number and a date: no quantities to learn from.
    return [read_csv(paths[0], "hour.csv", BIKE_COLUMNS, range(2, 17))]


def _read_images(paths: list[Path]) -> list[np.ndarray]:
    """Read one file with Keras' keys, or the four files of the original publication."""
    if len(paths) == 1:
        return read_npz(paths[0], _KERAS_KEYS)
    return [read_idx(path) for path in paths]


# The first two are downloaded by scikit-learn, which knows their addresses.
CALIFORNIA_HOUSING = DataFile(
    name="california_housing.npz",
    digest="b54ce4d0cfe79330636c961b8f891bc55bbf042b08d0baa94063f06bd5954b9c",
    read=_read_xy,
    remotes=(),
)
COVTYPE = DataFile(
    name="covtype_100k.npz",
    digest="03a723bd77ba1742ef52f98c6a3b0eca4eb12736f9e55c1631f9a66f6ce7bc55",
    read=_read_xy,
    remotes=(),
)
BIKE_SHARING = DataFile(
    name="bike_sharing_hour.csv",
    digest="66b082c2531cb8a6471c3c5728b4b2011c6efaa599722748afaeb7028ba12917",
    read=_read_bikes,
    remotes=(
        Remote("https://archive.ics.uci.edu/static/public/275/bike+sharing+dataset.zip", None),
    ),
)
MNIST = DataFile(
    name="mnist.npz",
    digest="f0b0f41e5a24642044633fa36f00023a08c80d7ecc6c7aff1b08ec7d85bf02d9",
    read=_read_images,
    remotes=(
        Remote(
            f"{_KERAS_FOLDER}/mnist.npz",
            "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
        ),
    ),
)
FASHION_MNIST = DataFile(
    name="fashion_mnist.npz",
    digest="adc13e832cc390ff0526e02a9181ba455fac2475c328dca54e83ce9eaf4e6a9c",
    read=_read_images,
    remotes=tuple(
        Remote(f"{_KERAS_FOLDER}/{name}-ubyte.gz", f"md5:{md5}")
        for name, md5 in [
            ("train-images-idx3", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            ("train-labels-idx1", "25c81989df183df01b3e8a0aad5dffbe"),
            ("t10k-images-idx3", "bef4ecab320f06d8554ea6380940ec79"),
            ("t10k-labels-idx1", "bb300cfdad3c16e7a12a480ee83cd310"),
        ]
    ),
)
