"""Charts and image sheets: what they show, that labels fit, and that files are whole."""

from __future__ import annotations

import itertools
import os
import stat
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from dcign_tf.evaluation.drawing import signed
from dcign_tf.evaluation.figures import charts, sheets
from dcign_tf.evaluation.figures.style import factor_colours, save_figure

FACTORS = ("azimuth", "elevation", "light_azimuth", "intrinsic")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def rendered(figure):
    """The figure as saved: uint8 [H, W, 3]."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def texts_of(page):
    return [text.get_text() for text in page.texts]


def assert_texts_fit(figure):
    """Every text is seen, none leaves the figure, and no two of a sheet overlap."""
    picture = rendered(figure)
    texts = [text for axes in figure.axes for text in axes.texts if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
        left, bottom, right, top = map(int, box.extents)
        assert np.ptp(picture[len(picture) - top : len(picture) - bottom, left:right]) > 150
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


# --- movement -------------------------------------------------------------------------


def test_movement_prints_every_variance_and_colours_by_row():
    matrix = np.array([[4.0, 1.0, 0.0], [0.00001, 0.00002, np.nan], [0, 0, 0]])
    figure = charts.movement(matrix, FACTORS[:3])
    panel = figure.axes[0]
    printed = [text.get_text() for text in panel.texts]
    assert printed == ["4", "1", "0", "1e−5", "2e−5", "–", "0", "0", "0"]
    shares = panel.collections[0].get_array().filled(np.nan).reshape(3, 3)
    np.testing.assert_allclose(shares, [[1, 0.25, 0], [0.5, 1, np.nan], [0, 0, 0]])
    assert panel.get_xlabel() == "factor that varies"
    assert "share" in figure.axes[1].get_ylabel()
    first, last = panel.texts[0].get_window_extent(), panel.texts[-1].get_window_extent()
    assert first.y0 > last.y1  # the first group stands on top
    with pytest.raises(ValueError, match=r"shape \(3, 3\)"):
        charts.movement(matrix, FACTORS)


# --- training curves ------------------------------------------------------------------


def test_training_curves_has_a_panel_a_loss_and_a_line_a_series():
    records = [
        {
            "step": step,
            "wall_time": 0.1 * step,
            "reconstruction_loss": 9000 + 1000 / step,
            "reconstruction_loss/azimuth": 9100,
            "invariance_loss": 1000 / step,
            "loss": float("nan") if step == 20 else 9500,
        }
        for step in range(10, 101, 10)
    ]
    records += [{"step": 100, "val_reconstruction_loss": 9200.0, "val_elbo": -9300, "loss": None}]
    records[-1] |= {"val_objective": 9600.0, "val_loss": 9300.0, "val_latent_kl": [1.0, 2.0]}
    records[-1] |= {"val_r2_calibrated/azimuth": 0.9, "seconds": 7.0}
    figure = charts.training_curves(records)
    panels = {panel.get_title(loc="left"): panel for panel in figure.axes}
    losses = ["total loss", "reconstruction loss", "invariance loss", "ELBO"]
    assert list(panels) == [*losses, "values read off"]
    reconstruction = panels["reconstruction loss"]
    assert [len(line.get_xdata()) for line in reconstruction.lines] == [10, 10, 1]
    assert [line.get_linestyle() for line in reconstruction.lines] == ["-", "-", "--"]
    assert reconstruction.get_ylabel() == "nats per image"
    assert panels["invariance loss"].get_ylabel() == "per image"
    training, validation = panels["total loss"].lines
    assert 20 not in training.get_xdata()
    assert validation.get_ydata() == [9600.0]  # alike; the ELBO of validation is not
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert entries == ["all batches", "azimuth", "training", "validation"]
    for panel in panels.values():
        assert panel.get_xlabel() == "training step"


def test_a_loss_of_many_orders_is_logarithmic_and_says_so():
    records = [{"step": step, "kl_loss": 10.0**step} for step in range(4)]
    panel = charts.training_curves(records).axes[0]
    assert panel.get_yscale() == "log"
    assert "log scale" in panel.get_ylabel()
    records[0]["kl_loss"] = 0.0  # a logarithm would hide it
    assert charts.training_curves(records).axes[0].get_yscale() == "linear"


def test_the_first_steps_do_not_hide_the_rest():
    records = [{"step": step, "loss": -1000 - step} for step in range(100, 1001, 100)]
    records.insert(0, {"step": 10, "loss": 20_000})
    panel = charts.training_curves(records).axes[0]
    low, high = panel.get_ylim()
    assert -2100 < low < -2000
    assert -1100 < high < -1000
    assert panel.get_ylabel() == "nats per image, first steps cut off"


def test_no_curve_is_an_error():
    with pytest.raises(ValueError, match="no training curve"):
        charts.training_curves([{"step": 1, "images_per_second": 0.1}, {"loss": 3.0}])


# --- image sheets ---------------------------------------------------------------------


def test_sheet_shows_every_pixel_as_a_whole_square(rng):
    images = rng.integers(0, 256, (5, 37, 50, 3), np.uint8)
    figure = sheets.sheet([images[:3], images[3:]])
    assert len(figure.axes) == 1
    picture = rendered(figure)
    squares = images.repeat(3, axis=1).repeat(3, axis=2)  # 50 px, enlarged to 150
    assert picture.shape[1] == 3 * 150 + 2 * 4 + 2 * 24
    for index, square in enumerate(squares):
        top, left = 24 + index // 3 * (111 + 4), 24 + index % 3 * (150 + 4)
        np.testing.assert_array_equal(picture[top : top + 111, left : left + 150], square)
    assert (picture[24 + 115 :, 24 + 2 * 154 :] == 255).all()  # no sixth image: blank
    assert (picture[:20] == 255).all()


def test_no_sheet_of_any_width_loses_a_pixel(rng):
    """A figure's size is in inches: for some widths the product with the dpi falls short."""
    for width in range(150, 170):
        images = rng.integers(0, 256, (1, 4, width, 1), np.uint8)
        picture = rendered(sheets.sheet([images]))
        assert picture.shape == (4 + 48, width + 48, 3)
        np.testing.assert_array_equal(picture[24:-24, 24:-24], images[0].repeat(3, -1))


@pytest.mark.parametrize("size", [16, 64, 70, 150, 400])
def test_labels_of_sheets_neither_overlap_nor_leave(rng, size):
    figure = sheets.sheet(
        rng.random((2, 3, size, size, 1)),
        row_labels=["light azimuth", "elevation, read\nas −12°"],
        headings={0: ["light azimuth\n−80°", "0°", "light azimuth +80°"]},
        title="A rather long title, longer than the sheet of three images is wide by far",
        lead=1,
    )
    assert_texts_fit(figure)
    assert len(figure.axes[0].texts) == 6
    assert min(text.get_fontsize() for text in figure.axes[0].texts) >= 7  # legible


def test_a_title_is_broken_where_the_rows_end(rng):
    rows = rng.random((2, 3, 150, 150, 1))
    words = "One factor of a picture, set to a value; above, the squared error in thousandths"
    figure = sheets.sheet(rows, title=f"{words}\n* a note")
    assert_texts_fit(figure)
    *broken, note = texts_of(figure.axes[0])[0].split("\n")
    assert len(broken) > 1
    assert " ".join(broken) == words
    assert note == "* a note"
    assert rendered(figure).shape[1] == rendered(sheets.sheet(rows)).shape[1]


def test_rows_wrap_into_blocks(rng):
    originals = rng.integers(0, 256, (5, 150, 150, 1), np.uint8)
    figure = sheets.stacked({"input": originals, "drawn": originals / 255}, columns=3)
    assert texts_of(figure.axes[0]) == ["input", "drawn"] * 2
    assert_texts_fit(figure)
    picture = rendered(figure)
    right = picture[:, -24 - 150 : -24]
    np.testing.assert_array_equal(right[24:174, :, 0], originals[2, ..., 0])
    np.testing.assert_array_equal(right[178:328, :, 0], originals[2, ..., 0])
    assert (right[329:] == 255).all()  # no sixth image: blank


def test_a_block_has_headings(rng):
    rows = dict(zip("abc", rng.integers(0, 256, (3, 4, 150, 150, 3), np.uint8), strict=True))
    headings = [f"light azimuth\n−{i}0° → 25°" for i in range(4)]
    figure = sheets.stacked(rows, headings=headings)
    assert_texts_fit(figure)
    assert texts_of(figure.axes[0]) == [*headings, *"abc"]
    right = rendered(figure)[:-24, -24 - 150 : -24]
    np.testing.assert_array_equal(right[-150:], rows["c"][3])
    np.testing.assert_array_equal(right[-304:-154], rows["b"][3])
    np.testing.assert_array_equal(right[-458:-308], rows["a"][3])


def test_rows_of_different_lengths_each_with_its_headings(rng):
    rows = [rng.integers(0, 256, (n, 150, 150, 1), np.uint8) for n in (2, 4)]
    headings = {0: ["−1.0", "+2.0"], 1: list("0123")}
    figure = sheets.sheet(rows, headings=headings, row_labels=["sweep 1", "sweep 20"], title="all")
    assert_texts_fit(figure)
    expected = ["all", "−1.0", "+2.0", *"0123", "sweep 1", "sweep 20"]
    assert texts_of(figure.axes[0]) == expected
    picture = rendered(figure)
    np.testing.assert_array_equal(picture[-174:-24, -174:-24, 0], rows[1][3, ..., 0])
    assert (picture[-400:-250, -174:-24] == 255).all()  # no fourth image of the first: blank


def test_gaps_set_blocks_and_the_first_column_apart(rng):
    rows = rng.integers(0, 256, (4, 2, 150, 150, 1), np.uint8)
    picture = rendered(sheets.sheet(rows, block_rows=2, lead=1))[..., 0]
    assert picture.shape == (4 * 150 + 3 * 4 + 16 + 48, 2 * 150 + 4 + 16 + 48)
    np.testing.assert_array_equal(picture[-174:-24, -174:-24], rows[3, 1, ..., 0])
    np.testing.assert_array_equal(picture[178:328, 24:174], rows[1, 0, ..., 0])


def test_latents_are_read_with_their_sign():
    texts = [signed(value) for value in (-1.5, -0.04, 0.0, 0.5, 12.0)]
    assert texts == ["−1.5", "0.0", "0.0", "+0.5", "+12.0"]
    assert [signed(value, 2) for value in (-0.04, 0.004)] == ["−0.04", "0.00"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: sheets.sheet([]), "none"),
        (lambda x: sheets.sheet([x, x[:, :4]]), "one size"),
        (lambda x: sheets.sheet(x), "4 axes"),
        (lambda x: sheets.sheet([x[:0]]), "none empty"),
        (lambda x: sheets.sheet([x[..., :2]]), "1 or 3"),
        (lambda x: sheets.sheet([x.astype(int)]), "int64"),
        (lambda x: sheets.sheet([x * np.nan]), "NaN"),
        (lambda x: sheets.sheet([x], headings={0: ["a"]}), "1 headings"),
        (lambda x: sheets.sheet([x], row_labels=["a", "b"]), "2 row labels"),
        (lambda x: sheets.stacked({"a": x, "b": x[1:]}), "do not fit"),
        (lambda x: sheets.stacked({"a": x}, headings=["a"]), "1 headings"),
        (lambda x: sheets.stacked({"a": x}, columns=0), "must not be zero"),
    ],
)
def test_sheets_refuse_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call(np.zeros((4, 8, 8, 3)))
    assert "\n" not in str(error.value)


def test_floats_are_rounded_and_clipped():
    images = np.array([-0.5, 0.5, 1.5]).reshape(3, 1, 1, 1).repeat(150, 2).repeat(150, 1)
    picture = rendered(sheets.sheet([images]))
    assert [picture[100, left, 0] for left in (100, 254, 408)] == [0, 128, 255]


def test_images_on_white_have_an_edge_and_gaps_have_none():
    images = np.full((3, 150, 150, 1), 255, np.uint8)
    images[:, 75, 75] = 0
    picture = rendered(sheets.stacked({"a": images, "b": images}, columns=2))[..., 0]
    right, top = picture.shape[1] - 24, 24
    assert (picture[top : top + 150, right] == 190).all()
    assert (picture[top - 1, right - 150 : right] == 190).all()
    assert picture[top, right - 1] == 255
    assert (picture[-328:, right - 152 :] == 255).all()  # no fourth image


# --- style and files ------------------------------------------------------------------


def test_a_factor_keeps_its_colour():
    colours = factor_colours([*FACTORS, *"abcdefgh"])
    assert len(set(colours.values())) == 12
    assert factor_colours(["intrinsic", "azimuth"])["azimuth"] == colours["azimuth"]


def test_figures_leave_the_global_style_alone_and_ignore_it(rng):
    images = rng.random((1, 2, 8, 8, 1))
    expected = rendered(sheets.sheet(images, title="title"))
    with matplotlib.rc_context({"font.size": 30, "font.family": "serif"}):
        before = dict(matplotlib.rcParams)
        figure = sheets.sheet(images, title="title")
        np.testing.assert_array_equal(rendered(figure), expected)
        assert dict(matplotlib.rcParams) == before


def test_no_pyplot_and_no_tensorflow():
    """pyplot would open windows and keep every figure; TensorFlow would take seconds to load."""
    names = (
        "figures.charts",
        "figures.error_curves",
        "figures.latent_charts",
        "figures.roc_curves",
        "figures.sheets",
        "scores",
        "report.score_tables",
    )
    modules = ", ".join(f"dcign_tf.evaluation.{name}" for name in names)
    script = (
        f"import sys, {modules}; sys.exit(any("
        "m in sys.modules for m in ('matplotlib.pyplot', 'tensorflow', 'keras')))"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_saved_png_opens_and_is_not_blank(rng, tmp_path):
    path = tmp_path / "evaluation" / "sheet.png"
    save_figure(sheets.sheet(rng.random((1, 2, 150, 150, 1))), path)
    with Image.open(path) as image:
        assert image.size == (2 * 150 + 4 + 48, 150 + 48)
        assert np.asarray(image.convert("L")).std() > 20
    assert os.listdir(path.parent) == ["sheet.png"]
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_failed_save_keeps_the_old_picture_and_leaves_nothing(rng, tmp_path, monkeypatch):
    path = tmp_path / "sheet.png"
    path.write_bytes(b"old")
    figure = sheets.sheet(rng.random((1, 1, 8, 8, 1)))

    def fail_halfway(aside, **_):
        with open(aside, "wb") as file:
            file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail_halfway)
    with pytest.raises(OSError, match="disk full"):
        save_figure(figure, path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["sheet.png"]


def test_unknown_format_is_an_error_and_leaves_nothing(rng, tmp_path):
    with pytest.raises(ValueError, match="not supported"):
        save_figure(sheets.sheet(rng.random((1, 1, 8, 8, 1))), tmp_path / "a.xyz")
    assert os.listdir(tmp_path) == []
