"""The readers of files from strangers, each with small files that it reads."""

from __future__ import annotations

import functools
import pathlib
import tempfile
from collections.abc import Callable

import numpy as np
from PIL import Image

from tests.fuzz.harness import Reader, repacked
from tests.helpers import basel_files, hostile_pictures, torch7_files


def light() -> dict[str, Reader]:
    """Those that need no TensorFlow."""
    of_data = {"torch7": _torch7(), "manifest": _manifest(), **_face_models(), **_pictures()}
    return {**of_data, **_readouts()}


def heavy() -> dict[str, Reader]:
    """Those that need it: checkpoints, and what a server is sent."""
    return {"keras": _keras(), "served": _served()}


def _written(write: Callable[[pathlib.Path], object], ending: str = "") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, f"file{ending}")
        write(path)
        return path.read_bytes()


def _torch7() -> Reader:
    from dcign_tf.datasets.torch7.tensor_file import read_tensor
    from dcign_tf.errors import DataError

    tensor = torch7_files.saved(np.arange(60, dtype="<f4").reshape(5, 1, 4, 3))
    table = torch7_files.table(9, (torch7_files.key("data"), tensor))
    levels = torch7_files.saved(np.arange(60, dtype="u1").reshape(5, 12))

    def read(path: pathlib.Path) -> bool:
        return np.array(read_tensor(path)).dtype.kind in "fu"

    return Reader(read, (DataError,), (tensor, table, levels))


def _manifest() -> Reader:
    from dcign_tf.datasets.manifest.table import read_manifest
    from dcign_tf.errors import DataError

    text = "image,identity,split,azimuth_deg,x (mm)\n"
    text += "a.png,Ann,train,-30,1e3\nb.png,Zoë,test,0,.5\n/c.png,Bob,validation,45,2\n"

    def read(path: pathlib.Path) -> bool:
        manifest = read_manifest(path)
        return all(np.isfinite(values).all() for values in manifest.columns.values())

    return Reader(read, (DataError,), (text.encode(), ("\ufeff" + text).encode()))


def _face_models() -> dict[str, Reader]:
    from dcign_tf.rendering.face_models import load_face_model
    from tests.rendering.test_surrey import TRAILER, _bytes

    def read(path: pathlib.Path) -> bool:
        model = load_face_model(path)
        arrays = (model.mean_mm, model.shape_basis_mm, model.mean_albedo, model.albedo_basis)
        return all(np.isfinite(array).all() for array in arrays)

    compressed = functools.partial(basel_files.write_matlab, compressed=True)
    return {
        "surrey": Reader(read, (ValueError, OSError), (_bytes() + TRAILER,)),
        "mat": Reader(
            read,
            (ValueError, OSError),
            tuple(map(_written, (basel_files.write_matlab, compressed))),
        ),
        "hdf5": Reader(
            read,
            (ValueError, OSError),
            tuple(map(_written, (basel_files.write_statismo, basel_files.write_matlab_73))),
        ),
    }


def _readouts() -> dict[str, Reader]:
    from dcign_tf.errors import UserError
    from dcign_tf.readouts.face_shape import ShapeReadout
    from dcign_tf.readouts.identities import IdentityDistribution

    people = IdentityDistribution.fitted(np.random.default_rng(0).normal(size=(9, 4)))
    shape = ShapeReadout(np.ones((4, 3)), np.zeros(3), 1.0, 10, 5, 3, "a fingerprint", 7)

    def read_people(path: pathlib.Path) -> bool:
        read = IdentityDistribution.load(path)
        return np.isfinite(read.principal_directions()).all() and read.draw(2, 0).shape[0] == 2

    def read_shape(path: pathlib.Path) -> bool:
        read, codes = ShapeReadout.load(path), np.ones((2, 7), np.float32)
        if not read.fits(latent_dim=7):  # which is looked at before it is used
            raise UserError(f"{path} is of another code")
        return read.coefficients(codes).shape == (2, len(read.intercept))

    readers = {"identities": (read_people, people), "shape_readout": (read_shape, shape)}
    return {
        name: Reader(read, (UserError,), (_written(whole.save, ".npz"),), repacked)
        for name, (read, whole) in readers.items()
    }


def _pictures() -> dict[str, Reader]:
    from dcign_tf.datasets.pictures import fit_picture
    from dcign_tf.errors import DataError

    def read(path: pathlib.Path) -> bool:
        return fit_picture(path, image_size=20, channels=3).shape == (20, 20, 3)

    return {kind: Reader(read, (DataError,), files) for kind, files in picture_files().items()}


def picture_files() -> dict[str, tuple[bytes, ...]]:
    """Format to small files of it."""
    grey = hostile_pictures.ramp(30, 40)
    colours = Image.merge("RGB", (grey, grey.rotate(180), grey))
    see_through = colours.convert("RGBA")
    see_through.putalpha(grey)
    saved = hostile_pictures.saved
    exif = Image.Exif()
    exif[0x0112] = 6
    return {
        "png": (
            saved(grey, "PNG"),
            saved(see_through, "PNG"),
            saved(colours.quantize(9), "PNG", transparency=1),
            *hostile_pictures.png_metadata(saved(colours, "PNG", exif=exif)).values(),
        )[:6],
        "jpeg": (
            saved(grey, "JPEG"),
            saved(colours, "JPEG", exif=exif),
            saved(colours, "JPEG", progressive=True),
            saved(colours.convert("CMYK"), "JPEG"),
        ),
        "ppm": (saved(grey, "PPM"), saved(colours, "PPM"), b"P2 3 2 9\n1 2 3 4 5 6\n"),
        "tiff": (
            saved(grey, "TIFF"),
            saved(colours, "TIFF", compression="tiff_lzw", exif=exif),
            saved(colours, "TIFF", compression="tiff_adobe_deflate"),
        ),
        "bmp": (saved(colours, "BMP"), saved(colours.quantize(9), "BMP")),
        "gif": (saved(colours, "GIF"),),
        "webp": (saved(colours, "WEBP"), saved(see_through, "WEBP", lossless=True, exif=exif)),
    }


def _keras() -> Reader:
    from dcign_tf.errors import UserError
    from dcign_tf.readouts import scene
    from dcign_tf.runs.checkpoints import load_model
    from tests.helpers.trained_runs import calibrated_model

    def read(path: pathlib.Path) -> bool:
        try:
            model = load_model(path)
        except UserError as error:
            if "too little memory" in str(error):  # which so small a file does not need
                raise AssertionError(error) from error
            raise
        arrays = [variable.numpy() for variable in model.variables]
        if model.calibration is not None:
            zeros = np.zeros(model.code.latent_dim, np.float32)
            readings = scene.read(zeros, model.code, model.calibration)
            arrays += [number for reading in readings.values() for number in reading]
        return all(np.isfinite(array).all() for array in arrays)

    whole = _written(lambda path: calibrated_model().save(path), ".keras")
    return Reader(read, (UserError,), (whole,), damage=repacked)


def _served() -> Reader:
    import tensorflow as tf

    from dcign_tf.serving.decoding import fit_pictures

    graph = tf.function(
        lambda files: fit_pictures(files, (20, 20, 3), 0),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )

    def read(path: pathlib.Path) -> bool:
        try:
            image = graph(tf.constant([path.read_bytes()])).numpy()
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(f"{path}: {' '.join(error.message.split())[:900]}") from error
        return bool(np.isfinite(image).all()) and image.shape == (1, 20, 20, 3)

    files = picture_files()
    return Reader(read, (ValueError,), (*files["png"][:3], *files["jpeg"]))
