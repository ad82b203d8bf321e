"""What is known of each data file: its name, its digest, its columns, its address on the web."""

from pathlib import Path

import numpy as np

from course_lib._data_files import (
    DataFile,
    Remote,
    read_csv,
    read_gzip_csv,
    read_idx,
    read_npz,
)

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

KDDCUP_COLUMNS = [
    *("duration", "protocol_type", "service", "flag", "src_bytes", "dst_bytes", "land"),
    *("wrong_fragment", "urgent", "hot", "num_failed_logins", "logged_in", "num_compromised"),
    *("root_shell", "su_attempted", "num_root", "num_file_creations", "num_shells"),
    *("num_access_files", "num_outbound_cmds", "is_host_login", "is_guest_login", "count"),
    *("srv_count", "serror_rate", "srv_serror_rate", "rerror_rate", "srv_rerror_rate"),
    *("same_srv_rate", "diff_srv_rate", "srv_diff_host_rate", "dst_host_count"),
    *("dst_host_srv_count", "dst_host_same_srv_rate", "dst_host_diff_srv_rate"),
    *("dst_host_same_src_port_rate", "dst_host_srv_diff_host_rate", "dst_host_serror_rate"),
    *("dst_host_srv_serror_rate", "dst_host_rerror_rate", "dst_host_srv_rerror_rate"),
]
KDDCUP_CATEGORIES = ["protocol_type", "service", "flag"]

_KERAS_KEYS = ("x_train", "y_train", "x_test", "y_test")
_KERAS_FOLDER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
_ADBENCH_FOLDER = (
    "https://raw.githubusercontent.com/Minqi824/ADBench/"
    "3dac8221081e190f157d78e93bfa8867f90d0965/adbench/datasets/Classical"
)


def _read_xy(paths: list[Path]) -> list[np.ndarray]:
    return read_npz(paths[0], ("X", "y"))


def _read_bikes(paths: list[Path]) -> list[np.ndarray]:
    # Columns 0 and 1 are a row number and a date: no quantities to learn from.
    return [read_csv(paths[0], "hour.csv", BIKE_COLUMNS, range(2, 17))]


def _read_kddcup(paths: list[Path]) -> list[np.ndarray]:
    """Read the quantities; and as text the categories, and what kind each connection is of."""
    texts = [KDDCUP_COLUMNS.index(name) for name in KDDCUP_CATEGORIES] + [len(KDDCUP_COLUMNS)]
    quantities = [i for i in range(len(KDDCUP_COLUMNS)) if i not in texts]
    return read_gzip_csv(paths[0], [(quantities, np.float64), (texts, "S20")])


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


def _adbench(name: str, digest: str, sha256: str) -> DataFile:
    remote = Remote(f"{_ADBENCH_FOLDER}/{name}", f"sha256:{sha256}")
    return DataFile(name=f"adbench/{name}", digest=digest, read=_read_xy, remotes=(remote,))


THYROID = _adbench(
    "38_thyroid.npz",
    digest="722bb9801dccb249f2ad3eb8b08081ad0f29c176912555f78a9e700772363b7b",
    sha256="8de161b3f235b7647bb0b39a836d983ff61d67bf234edac461da2d71e889cb87",
)
CARDIO = _adbench(
    "6_cardio.npz",
    digest="7c90ce62fc901e68db63633c5e721905e32367f686bd68d91fb46ac92fc93277",
    sha256="bc5009bde6930b4d298b594f31b34485a9a17210cff0e8fb00a8c3068b885a2d",
)
MAMMOGRAPHY = _adbench(
    "23_mammography.npz",
    digest="fa1423b94280ebc60284ac2ce7b183f8bf0ea9891f30a3a1b2e78bca6e0e02fc",
    sha256="a0308ac9712d78321073b1c2dc98dc37665c0f35c1cc33019416fe8f8d7de7ea",
)
SHUTTLE = _adbench(
    "32_shuttle.npz",
    digest="8573c5d54cabf71ff5ec70cb562e96fda7ebc78ae0ad5bec8aec9316566769c1",
    sha256="26900b0f6be45d9ddb7a402c9b2f956ceda42d23a8ca4cf4406b8bc1352823d1",
)
KDDCUP = DataFile(
    name="kddcup.data_10_percent.gz",
    digest="ea98d07086b78d2b3fec6bc5843cb72a99d2ab5527e05f38ddb1c8d28f732cda",
    read=_read_kddcup,
    remotes=(
        # The address and the hash are scikit-learn's; the file is the one of the UCI repository.
        Remote(
            "https://ndownloader.figshare.com/files/5976042",
            "sha256:8045aca0d84e70e622d1148d7df782496f6333bf6eb979a1b0837c42a9fd9561",
        ),
    ),
)
