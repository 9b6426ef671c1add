"""What the network makes of a photograph, which is not of the domain that it was trained on."""

from __future__ import annotations

import warnings

import numpy as np
from matplotlib import cbook
from matplotlib.figure import Figure

from dcign_tf.datasets.pictures import fit_picture
from dcign_tf.evaluation.figures.sheets import sheet
from dcign_tf.model.dcign import DCIGN
from dcign_tf.pixels import to_unit
from dcign_tf.quantities import display_name

_TURNED_TO = (0.1, 0.5, 0.9)  # of the calibrated range of the first factor that has one


def photograph_sheet(model: DCIGN) -> Figure:
    """A photograph, its "reconstruction", and that turned to three values of one factor.

    Args:
        model: calibrated.
    """
    size, _, channels = model.encoder.input_shape[1:]
    file = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    photograph = fit_picture(file, image_size=size, channels=channels)[np.newaxis]
    images = to_unit(photograph)
    shown, labels = [images[0], model(images).numpy()[0]], ["photograph", "“reconstruction”"]
    for curve in list(model.calibration.usable.values())[:1]:
        low, high = curve.range
        for share in _TURNED_TO:
            value = low + share * (high - low)
            with warnings.catch_warnings():  # that it means little is what the sheet shows
                warnings.simplefilter("ignore", UserWarning)
                shown.append(model.rerender(images, **{curve.name: value}).numpy()[0])
            labels.append(f"{display_name(curve.name)} {curve.quantity.text(value)}")
    return sheet([np.stack(shown)], headings={0: labels})
