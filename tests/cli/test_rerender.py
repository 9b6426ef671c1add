"""Pictures turned and relit, as files, by an untrained network calibrated by hand."""

from __future__ import annotations

import csv
import dataclasses
import os
import re
from pathlib import Path

import av
import numpy as np
import pytest
from absl import flags
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dcign_tf.cli.rerender import rerender as command
from dcign_tf.datasets.manifest.dataset import ManifestPictures
from dcign_tf.datasets.manifest.settings import ManifestSettings
from dcign_tf.datasets.manifest.table import read_manifest
from dcign_tf.editing.editor import SceneEditor
from dcign_tf.editing.picture_files import Range, Rerendering, find_sources
from dcign_tf.errors import DataError, UserError
from dcign_tf.readouts.familiarity import UNFAMILIAR, Familiarity
from tests.helpers.commands import execute_dcign_tf
from tests.helpers.trained_runs import LATENTS, SIZE, calibrated_model, write_picture, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "run")[0]


@pytest.fixture(scope="module")
def editor(run) -> SceneEditor:
    return SceneEditor.of_run(run)


@pytest.fixture(scope="module")
def doubting() -> SceneEditor:
    """To whose network every picture is strange."""
    model = calibrated_model()
    limits = Familiarity((0.0,) * LATENTS, (1.0,) * LATENTS, most_distance=1e-6, most_error=1.0)
    model.calibration = dataclasses.replace(model.calibration, familiarity=limits)
    return SceneEditor(model)


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / "face.png"
    write_picture(path, seed=5, size=(30, 40))
    return path


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four pictures, one of them deeper down, and a file that is none."""
    for number, name in enumerate(("a.png", "b.jpg", "c.png", "more/a.png")):
        write_picture(tmp_path / "photos" / name, seed=number)
    (tmp_path / "photos" / "notes.txt").write_text("not a picture")
    return tmp_path / "photos"


def rerender(editor, image, output, frames=3, **asked) -> str:
    lines: list[str] = []
    Rerendering(editor, _ranges(asked), frames, lines.append).write_picture(image, Path(output))
    (line,) = lines
    return line


def augment(editor, source, output, frames=3, model="1", **asked) -> str:
    lines: list[str] = []
    rerendering = Rerendering(editor, _ranges(asked), frames, lines.append)
    rerendering.write_folder(source, Path(output), model=model)
    return lines[-1]


def _ranges(asked) -> dict[str, Range]:
    return {k: Range(*v) if isinstance(v, tuple) else Range(v, v) for k, v in asked.items()}


def expected(editor, image, **values) -> np.ndarray:
    code = editor.encode(editor.fit(image)[np.newaxis])[0]
    return editor.decode(editor.changed(code, values)[np.newaxis])[0, ..., 0]


def assert_shows(content, image) -> None:
    """To a grey level: pictures decoded together differ in the last bits from one alone."""
    content = np.asarray(Image.open(content).convert("L")) if isinstance(content, Path) else content
    assert np.abs(content.astype(int) - image).max() <= 1


def read_rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestPicture:
    def test_of_an_animation_not_too_many_frames_are_made(self, editor, picture, tmp_path):
        with pytest.raises(UserError, match=r"makes 100,000 pictures of each, and 20,000 are allo"):
            rerender(editor, picture, tmp_path / "x.gif", frames=100_000, azimuth_deg=(-40, 40))

    def test_one_value_makes_one_picture(self, editor, picture, tmp_path):
        output = tmp_path / "new" / "turned.PNG"
        line = rerender(editor, picture, output, azimuth_deg=-30)
        assert line == f"{output}: {SIZE}×{SIZE} pixels"
        assert_shows(output, expected(editor, picture, azimuth_deg=-30))
        assert [entry.name for entry in output.parent.iterdir()] == ["turned.PNG"]

    def test_a_picture_unlike_those_of_training_is_said_to_be_one(
        self, doubting, picture, folder, tmp_path
    ):
        lines: list[str] = []
        asked = Rerendering(doubting, _ranges({"azimuth_deg": 0}), 3, lines.append)
        asked.write_picture(picture, tmp_path / "turned.png")
        assert lines[1:] == [f"{picture}: {UNFAMILIAR}"]
        for number in range(5):
            write_picture(folder / f"{number}.png", seed=number)
        lines.clear()
        asked = Rerendering(doubting, _ranges({"azimuth_deg": 0}), 3, lines.append)
        asked.write_folder(folder, tmp_path / "out", model="1")
        assert [line for line in lines if UNFAMILIAR in line] == [
            f"{folder / name}: {UNFAMILIAR}"
            for name in ("0.png", "1.png", "2.png", "3.png", "4.png")
        ]
        assert lines[-2] == "So are 4 more."

    def test_a_range_makes_an_animation_there_and_back(self, editor, picture, tmp_path):
        output = tmp_path / "turn.gif"
        line = rerender(editor, picture, output, azimuth_deg=(-40, 40), elevation_deg=10)
        assert line == f"{output}: 4 frames of {SIZE}×{SIZE} pixels"
        with Image.open(output) as animation:
            assert animation.info["loop"] == 0
            assert animation.n_frames == 4
            for frame, azimuth_deg in enumerate((-40, 0, 40, 0)):
                animation.seek(frame)
                shown = np.asarray(animation.convert("L"))
                values = {"azimuth_deg": azimuth_deg, "elevation_deg": 10}
                assert_shows(shown, expected(editor, picture, **values))

    def test_a_film_has_the_same_frames(self, editor, picture, tmp_path):
        output = tmp_path / "turn.mp4"
        line = rerender(editor, picture, output, azimuth_deg=(-40, 40))
        assert line == f"{output}: 4 frames of {SIZE}×{SIZE} pixels"
        with av.open(output) as film:
            shown = [frame.to_ndarray(format="gray") for frame in film.decode(video=0)]
        assert [frame.shape for frame in shown] == [(SIZE, SIZE)] * 4
        assert np.abs(shown[1].astype(int) - shown[3]).mean() < 3
        assert np.abs(shown[0].astype(int) - shown[2]).max() > 50

    def test_ranges_run_at_the_same_time(self, editor, picture, tmp_path):
        rerender(
            editor, picture, tmp_path / "a.gif", azimuth_deg=(-40, 40), light_azimuth_deg=(60, -60)
        )
        with Image.open(tmp_path / "a.gif") as animation:
            animation.seek(2)
            values = {"azimuth_deg": 40, "light_azimuth_deg": -60}
            assert_shows(np.asarray(animation.convert("L")), expected(editor, picture, **values))

    def test_what_cannot_be_rendered(self, editor, picture, tmp_path):
        output = tmp_path / "out.png"
        with pytest.raises(UserError, match="azimuth_deg=90 is outside the calibrated range"):
            rerender(editor, picture, output, azimuth_deg=90)
        with pytest.raises(UserError, match="azimuth_deg=90 is outside the calibrated range"):
            rerender(editor, picture, output, azimuth_deg=(0, 90))
        with pytest.raises(UserError, match="Unknown value 'frame'; calibrated are azimuth_deg"):
            rerender(editor, picture, output, frame=3)
        content = picture.read_bytes()
        with pytest.raises(UserError, match="is the picture itself; choose another name"):
            rerender(editor, picture, picture, azimuth_deg=0)
        assert picture.read_bytes() == content
        picture.write_text("no picture")
        with pytest.raises(UserError, match="is no picture of a known format"):
            rerender(editor, picture, output, azimuth_deg=0)
        assert not output.exists()
        output.mkdir()
        write_picture(picture, seed=1)
        with pytest.raises(UserError, match=r"Cannot write .*out\.png: Is a directory"):
            rerender(editor, picture, output, azimuth_deg=0)


class TestFolder:
    def test_every_combination_and_what_it_was_made_from(self, editor, folder, tmp_path):
        output = tmp_path / "augmented"
        line = augment(
            editor,
            folder,
            output,
            azimuth_deg=(-40, 40),
            light_azimuth_deg=(0, 80),
            elevation_deg=5,
        )
        assert line == f"{output}: 36 pictures of 4, and manifest.csv"
        rows = read_rows(output / "manifest.csv")
        # A value that is the same in all of them is no factor.
        columns = ["image", "identity", "source", "azimuth_deg", "light_azimuth_deg"]
        assert list(rows[0]) == columns
        assert {row["identity"] for row in rows} == {"a.png", "b.jpg", "c.png", "more/a.png"}
        for row in rows[::7]:
            values = {name: float(row[name]) for name in columns[3:]}
            assert row["source"] == str(folder / row["identity"])
            turned = expected(editor, row["source"], elevation_deg=5, **values)
            assert_shows(output / row["image"], turned)
        combinations = {(r["azimuth_deg"], r["light_azimuth_deg"]) for r in rows}
        assert len(combinations) == 9
        assert len({row["image"] for row in rows}) == len(rows)

    def test_the_manifest_is_one_to_train_on(self, editor, tmp_path):
        for number in range(7):
            write_picture(tmp_path / "photos" / f"{number}.png", seed=number)
        augment(editor, tmp_path / "photos", tmp_path / "out", azimuth_deg=(-60, 60), frames=4)
        settings = ManifestSettings(image_size=SIZE, sweep_length=4)
        pictures = ManifestPictures(tmp_path / "out", settings)
        assert pictures.extrinsic == ("azimuth",)
        assert pictures.values == {"azimuth": "azimuth_deg"}

    def test_identities_and_splits_of_a_manifest_are_kept(self, editor, folder, tmp_path):
        rows = [("a.png", "Ada", "train", 1), ("c.png", "Ada", "train", 2)]
        rows.append(("more/a.png", "Bob", "test", 1))
        with open(folder / "manifest.csv", "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("image", "identity", "split", "age"), *rows])
        output = tmp_path / "augmented"
        augment(editor, folder, output, azimuth_deg=(-10, 10), frames=2)
        manifest = read_manifest(output / "manifest.csv")
        assert manifest.identities == ["Ada", "Bob"]
        assert manifest.subset.tolist() == [0, 0, 0, 0, 2, 2]
        assert len(manifest) == 6
        assert set(manifest.columns) == {"azimuth_deg"}

    def test_interrupted_it_goes_on(self, editor, folder, tmp_path, monkeypatch):
        output = tmp_path / "augmented"

        def interrupted(path):
            if path.name == "c.png":
                raise KeyboardInterrupt
            return SceneEditor.fit(editor, path)

        with monkeypatch.context() as patch:
            patch.setattr(editor, "fit", interrupted)
            with pytest.raises(KeyboardInterrupt):
                augment(editor, folder, output, azimuth_deg=(-40, 40))
        assert not (output / "manifest.csv").exists()
        made = {p.name: p.stat().st_mtime_ns for p in (output / "pictures").iterdir()}
        assert len(made) == 6
        (output / "pictures" / "000001-002.png").unlink()
        augment(editor, folder, output, azimuth_deg=(-40, 40))
        rows = read_rows(output / "manifest.csv")
        assert len(rows) == 12
        assert all((output / row["image"]).exists() for row in rows)
        again = {p.name: p.stat().st_mtime_ns for p in (output / "pictures").iterdir()}
        assert {n for n in made if again[n] == made[n]} == {f"000000-00{i}.png" for i in range(3)}

    def test_what_cannot_be_read_is_left_out_and_named(self, editor, folder, tmp_path):
        whole = (folder / "c.png").read_bytes()
        (folder / "c.png").write_bytes(whole[:-100])
        (folder / "notes.pdf").write_text("of no kind that is read")
        output, asked = tmp_path / "augmented", {"azimuth_deg": Range(-40, 40)}
        lines: list[str] = []
        Rerendering(editor, asked, 2, lines.append).write_folder(folder, output, model="1")
        unknown = "2 files that are no pictures of a known format (notes.pdf, notes.txt)"
        assert lines[0] == f"Left out: {unknown}"
        assert lines[1].startswith(f"Left out: {folder / 'c.png'} cannot be read as a picture: ")
        assert lines[2:] == [f"{output}: 6 pictures of 3, and manifest.csv"]
        assert {row["identity"] for row in read_rows(output / "manifest.csv")} == {
            "a.png",
            "b.jpg",
            "more/a.png",
        }
        (folder / "c.png").write_bytes(whole)
        assert augment(editor, folder, output, 2, azimuth_deg=(-40, 40)).endswith(
            "8 pictures of 4, and manifest.csv"
        )
        for path in read_rows(output / "manifest.csv"):
            Path(path["source"]).write_text("no picture", encoding="utf-8")
        with pytest.raises(DataError, match=r"a\.png is no picture"):
            augment(editor, folder, tmp_path / "other", azimuth_deg=(-40, 40))

    def test_only_pictures_of_the_users_are_taken_and_the_others_named(
        self, editor, folder, tmp_path
    ):
        """Whatever systems put beside them; each once, however it is linked."""
        for name in (".ipynb_checkpoints/a-checkpoint.png", "@eaDir/a.png", "__MACOSX/._a.png"):
            write_picture(folder / name, seed=7)
        write_picture(tmp_path / "elsewhere" / "d.png", seed=8)
        (folder / "linked").symlink_to(tmp_path / "elsewhere")
        (folder / "more" / "round").symlink_to(folder)
        (folder / "again.png").symlink_to(folder / "a.png")
        (folder / "c.png").rename(folder / "without_suffix")
        for number in range(6):
            (folder / f"IMG_{number}.heic").write_bytes(b"\0\0\0\x18ftypheic")
        output, lines = tmp_path / "augmented", []
        rerendering = Rerendering(editor, {"azimuth_deg": Range(-40, 40)}, 2, lines.append)
        rerendering.write_folder(folder, output, model="1")
        assert {row["identity"] for row in read_rows(output / "manifest.csv")} == {
            "a.png",
            "b.jpg",
            "linked/d.png",
            "more/a.png",
            "without_suffix",
        }
        heic = ", ".join(f"IMG_{number}.heic" for number in range(5))
        convert = "make a JPEG or PNG file of it first (magick photo.heic photo.jpg)"
        assert lines == [
            "Left out: 1 files that are no pictures of a known format (notes.txt)",
            f"Left out: 6 in HEIC or AVIF ({heic}, …); of each, {convert}",
            f"{output}: 10 pictures of 5, and manifest.csv",
        ]

    def test_a_folder_of_a_phones_pictures_is_told_what_they_are(self, tmp_path):
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "IMG_1.jpg.dat").write_bytes(b"\0\0\0\x18ftypmif1\0\0\0\0heic")
        message = (
            r"no picture in .*photos that is read, but 1 in HEIC or AVIF \(IMG_1\.jpg\.dat\); "
        )
        with pytest.raises(DataError, match=message):
            find_sources(tmp_path / "photos", tmp_path / "out")

    def test_the_output_may_lie_in_the_source(self, editor, folder):
        lines = {augment(editor, folder, folder / "out", 2, azimuth_deg=(-40, 40)) for _ in "12"}
        assert lines == {f"{folder / 'out'}: 8 pictures of 4, and manifest.csv"}

    def test_too_many_combinations(self, editor, folder, tmp_path):
        asked = {"azimuth_deg": (-40, 40), "elevation_deg": (0, 9), "light_azimuth_deg": (0, 9)}
        with pytest.raises(UserError, match=r"1,000,000,000 pictures of each, and 20,000 are"):
            augment(editor, folder, tmp_path / "out", 1000, **asked)
        assert not (tmp_path / "out").exists()

    def test_a_newer_source_is_rendered_again(self, editor, folder, tmp_path):
        output = tmp_path / "augmented"
        augment(editor, folder, output, azimuth_deg=(-40, 40))
        write_picture(folder / "a.png", seed=99)
        os.utime(folder / "a.png", ns=(2**62, 2**62))
        augment(editor, folder, output, azimuth_deg=(-40, 40))
        shown = output / "pictures" / "000000-001.png"
        assert_shows(shown, expected(editor, folder / "a.png", azimuth_deg=0))

    @pytest.mark.parametrize("change", [{"frames": 4}, {"model": "2"}, {"azimuth_deg": (0, 9)}])
    def test_nothing_else_is_mixed_in(self, editor, folder, tmp_path, change):
        asked = {"azimuth_deg": (-40, 40)}
        augment(editor, folder, tmp_path / "out", **asked)
        with pytest.raises(UserError, match=r"other pictures, values or weights were begun with"):
            augment(editor, folder, tmp_path / "out", **(asked | change))

    def test_what_a_system_or_a_killed_process_left_is_no_others_work(
        self, editor, folder, tmp_path
    ):
        (tmp_path / "out" / ".aside-x").mkdir(parents=True)
        (tmp_path / "out" / ".DS_Store").touch()
        augment(editor, folder, tmp_path / "out", azimuth_deg=(-40, 40))
        assert (tmp_path / "out" / "rerender.json").exists()

    def test_a_folder_of_others_is_left_alone(self, editor, folder, tmp_path):
        with pytest.raises(UserError, match="exists, and was not made by this command"):
            augment(editor, folder, folder, azimuth_deg=(-40, 40))
        assert not (folder / "rerender.json").exists()
        (tmp_path / "empty").mkdir()
        with pytest.raises(UserError, match=r"There is no picture in .*empty"):
            augment(editor, tmp_path / "empty", tmp_path / "out", azimuth_deg=(-40, 40))
        assert not (tmp_path / "out").exists()

    def test_one_picture_may_fill_a_folder(self, editor, picture, tmp_path):
        augment(editor, picture, tmp_path / "out", azimuth_deg=(-40, 40))
        rows = read_rows(tmp_path / "out" / "manifest.csv")
        assert {(row["identity"], row["source"]) for row in rows} == {("face", str(picture))}


def test_pictures_that_were_made_are_no_sources_though_a_link_leads_to_them(tmp_path):
    for path in ("photos/a.png", "photos/out/pictures/000000-000.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / path)
    (tmp_path / "link").symlink_to(tmp_path / "photos" / "out")
    found = find_sources(tmp_path / "photos", tmp_path / "link")
    assert [path.name for path, _ in found] == ["a.png"]


class TestCommand:
    def test_an_animation(self, run, picture, tmp_path, flags_of, capsys):
        output = tmp_path / "turn.gif"
        flags_of(command)
        arguments = [picture, f"--workdir={run.path}", "--azimuth_deg=-40:40", f"--output={output}"]
        command.work(*command.parse(["dcign-tf rerender", *map(str, arguments)]))
        assert capsys.readouterr().out == f"{output}: 46 frames of {SIZE}×{SIZE} pixels\n"
        with Image.open(output) as animation:
            assert animation.n_frames == 46

    def test_a_value_may_follow_a_space(self, picture, flags_of):
        flags_of(command)
        words = ["--azimuth_deg", "-40:40", str(picture), "--light_deg", "-3", "--output", "o.gif"]
        (asked,) = command.parse(["dcign-tf rerender", *words])
        assert asked == {"azimuth_deg": Range(-40, 40), "light_deg": Range(-3, -3)}

    @pytest.mark.slow
    def test_as_a_user_runs_it(self, run, picture, tmp_path):
        output = tmp_path / "turn.png"
        options = (f"--workdir={run.path}", "--azimuth_deg=-40", f"--output={output}")
        result = execute_dcign_tf("rerender", picture, *options)
        assert (result.returncode, result.stderr) == (0, "")
        assert output.exists()

    def test_one_line_for_a_wrong_command(self):
        result = execute_dcign_tf("rerender", "--azimuth_deg=-40", "--output=turn.png")
        assert result.returncode == 2
        assert result.stderr == (
            "dcign-tf rerender: --image is missing: a picture, or a folder of them.\n"
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--azimuth_deg=3", "--output=o.png"], "--image is missing: a picture, or a folder"),
            (["{face}", "--azimuth_deg=3"], "--output is missing: what to write."),
            (["{face}", "--output=o.png"], "Nothing is to change; give a value such as --azi"),
            (["{face}", "--azimuth_deg=x", "--output=o.png"], "--azimuth_deg=x is neither a flag"),
            (["{face}", "--azimuth_deg=1:2:3", "--output=o.gif"], "--azimuth_deg=1:2:3 is neither"),
            (["{face}", "--azimuth_deg=nan", "--output=o.png"], "--azimuth_deg=nan is neither a"),
            (["{face}", "--azimuth_deg", "--output=o.png"], "--azimuth_deg is neither a flag nor"),
            (["{face}", "x", "--azimuth_deg=1", "--output=o.png"], "Unexpected argument 'x'"),
            (
                ["{face}", "--azimuth_deg=1", "--output=o.avi"],
                "--output=o.avi must end in .png, .gif or .mp4",
            ),
            (["{face}", "--azimuth_deg=1", "--output=o.gif"], "is an animation; give a range such"),
            (["{face}", "--azimuth_deg=1:2", "--output=o.png"], "--azimuth_deg is a range, and --"),
            (["{folder}", "--azimuth_deg=1", "--output=o.png"], "is a folder; --output=o.png must"),
            (["none.png", "--azimuth_deg=1", "--output=o.png"], "There is no picture or folder no"),
        ],
    )
    def test_wrong_commands(self, arguments, message, picture, flags_of):
        """In this process: they are found wrong before anything is loaded."""
        flags_of(command)
        named = {"face": picture, "folder": picture.parent}
        argv = ["dcign-tf rerender", *(text.format(**named) for text in arguments)]
        with pytest.raises((flags.Error, UserError), match=re.escape(message)):
            command.work(*command.parse(argv))


@given(
    st.floats(-180, 180), st.floats(-180, 180), st.integers(2, 50), st.sampled_from([None, 360.0])
)
def test_values_are_spread_from_one_end_to_the_other(start, end, count, period):
    values = Range(start, end).spread(count, period)
    assert values[0] == start
    if start == end:
        assert len(values) == 1
    elif period == abs(end - start):
        assert len(values) == count
        assert len(set(np.round(values % period, 6))) == count
    else:
        assert values[-1] == end
        assert np.ptp(np.diff(values)) < 1e-9 * max(1, abs(end - start)) * count
