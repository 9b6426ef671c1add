"""The configs in the box, and what is said of settings that nothing can be trained with."""

from __future__ import annotations

import importlib

import pytest

from dcign_tf.datasets.faces.builder import DcignFacesConfig
from dcign_tf.datasets.faces.settings import FaceSettings
from dcign_tf.datasets.registry import open_configured
from dcign_tf.errors import UserError
from dcign_tf.model.networks import build_decoder, build_encoder
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import load_preset, presets
from dcign_tf.training.config_checks import check_factors, check_values
from dcign_tf.training.experiment import run_experiment
from tests.helpers import manifest_files, tfds_files, torch7_files

# What writes the files that are the user's own, as far as they are needed before training.
USERS_FILES = {
    "dcign_torch7": torch7_files.write_release,
    "manifest": manifest_files.write_folder,
    "tfds": lambda folder: tfds_files.write_dataset(folder, "smallnorb"),
}
NAMES = [f"{dataset}_{preset}" for dataset, names in presets().items() for preset in names]


def resolved(name: str, **changes) -> dict:
    config = load_preset(*name.rsplit("_", 1))
    with config.unlocked():
        config.update_from_flattened_dict(changes)
    return config.to_dict()


@pytest.mark.parametrize("name", NAMES)
class TestConfigs:
    def test_name_and_command(self, name):
        config = resolved(name)
        assert name == f"{config['dataset']}_{config['preset']}"
        head = importlib.import_module(f"dcign_tf.configs.{name}").__doc__
        assert f"--dataset={config['dataset']} --preset={config['preset']}" in head

    def test_data_and_settings_are_possible(self, name, tmp_path):
        config = resolved(name, data_dir=str(tmp_path))
        USERS_FILES.get(config["dataset"], lambda _: None)(tmp_path)
        before = sorted(tmp_path.rglob("*"))
        data = open_configured(config)
        check_values(config)
        check_factors(config, num_factors=len(data.extrinsic) + 1)
        assert data.image_shape[0] == config["data"]["image_size"]
        assert sorted(tmp_path.rglob("*")) == before

    def test_nothing_is_due_after_the_end(self, name):
        config = resolved(name)
        assert config["log_every"] <= config["validate_every"] <= config["num_steps"]
        assert config["optimizer"]["decay_steps"] <= config["num_steps"]


def test_the_paper_preset_is_the_papers():
    config = resolved("faces_paper")
    assert config["factor_ratios"] == ((0, (1, 1, 1, 10)),)
    assert config["invariance_weight"] == 0.01
    optimizer = config["optimizer"]
    assert (optimizer["learning_rate"], optimizer["beta_1"], optimizer["beta_2"]) == (
        5e-4,
        0.9,
        0.99,
    )
    network, data = config["network"], config["data"]
    assert (data["sweep_length"], data["train_sweeps"], data["test_sweeps"]) == (20, 3000, 350)
    shape = (data["image_size"], data["image_size"], data["channels"])
    assert shape == (150, 150, 1)
    encoder = build_encoder(
        shape, network["latent_dim"], network["encoder_filters"], network["encoder_kernel_size"]
    )
    decoder = build_decoder(
        shape,
        network["latent_dim"],
        network["decoder_base_filters"],
        network["decoder_filters"],
        network["decoder_kernel_size"],
    )
    assert (encoder.count_params(), decoder.count_params()) == (3_087_792, 1_903_681)


@pytest.mark.usefixtures("set_dtype_policy")
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("images_per_batch", 1, r"it must be from 2 to the 20 images of a sweep\.$"),
        ("images_per_batch", 21, "images_per_batch=21 is impossible"),
        (
            "num_steps",
            0,
            r"^--config\.num_steps=0 is impossible; it must be from 1 to 4294967295\.$",
        ),
        ("num_steps", 10**20, "num_steps=10{20} is impossible; it must be from 1 to"),
        ("seed", 2**32, "seed=4294967296 is impossible; it must be from 0 to 4294967295"),
        ("log_every", 0, "log_every=0"),
        ("validate_every", -5, "validate_every=-5"),
        ("seed", -1, "seed=-1"),
        ("invariance_weight", float("nan"), "invariance_weight=nan .* finite number"),
        ("observation_stddev", 0.0, "greater than 0"),
        ("optimizer.learning_rate", 0.0, r"optimizer\.learning_rate=0\.0 .* greater than 0"),
        ("optimizer.learning_rate_scaling", "cube", "learning_rate_scaling=cube .* sqrt or linear"),
        ("optimizer.beta_2", 1.0, r"optimizer\.beta_2=1\.0 .* less than 1"),
        ("network.encoder_filters", (0,), "encoder_filters=.* whole numbers of at least 1"),
        ("network.encoder_filters", (), "encoder_filters=.* whole numbers of at least 1"),
        ("network.decoder_filters", ("a",), "decoder_filters=.* whole numbers of at least 1"),
        ("network.decoder_kernel_size", 4, "odd kernel size, got 4"),
        ("network.latent_dim", 3, "latent"),
        ("network.latent_dim", 10**12, "does not fit into memory"),
        ("factor_ratios", ("abc",), "factor_ratios=.*could not convert"),
        ("factor_ratios", (1, 1, 1), "factor_ratios=.*4 numbers"),
        ("factor_ratios", ((0, 1),), r"must be \(from_step, frequencies\) pairs like"),
        ("factor_ratios", ((5, (1, 1, 1, 1)),), "must begin with 0"),
        ("latents_per_factor", (0,), "latents_per_factor=.* whole numbers of at least 1"),
        ("latents_per_factor", (2, 1), r"one number for all .* or one for each of the 3\.$"),
        ("latents_per_factor", (99, 100, 1), r"leaves no intrinsic latent .* at least 201\.$"),
        ("procedure", "foo", "Unknown procedure 'foo'; it is one of clamped, entangled"),
        ("clamp_mode", "foo", "foo"),
        ("likelihood", "foo", "Unknown likelihood 'foo'"),
        ("precision", "float8", "Unknown precision 'float8'"),
        ("data.image_size", 30, "30×30 image is too small .* the smallest size is 36×36"),
        ("data.sweep_length", 1, "sweep_length is 1"),
        ("data.train_identities", 3, "train_identities is 3"),
        ("face_model", "/nope", r"^Cannot read /nope: No such file or directory\.$"),
        ("face_model", __file__, "is no face model"),
        ("init_from", "/nope", "There is no checkpoint /nope/checkpoints"),
        ("dataset", "cars", "Unknown dataset 'cars'; there is faces"),
    ],
)
def test_an_impossible_setting_is_one_line_and_touches_nothing(key, value, message, tmp_path):
    """All of it is found before data are rendered or a run directory is made."""
    config = resolved("faces_quick")
    *path, last = key.split(".")
    (config[path[0]] if path else config)[last] = value
    run = RunDirectory(tmp_path / "run")
    with pytest.raises(UserError, match=message) as caught:
        run_experiment(config, run, str(tmp_path / "data"))
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_how_many_latents_factors_have_may_be_left_to_what_they_are():
    config = {**resolved("faces_quick"), "latents_per_factor": ()}
    check_values(config)
    check_factors(config, 4)


@pytest.mark.parametrize("preset", ["quick", "paper"])
def test_data_of_a_preset_are_those_of_the_builder_by_that_name(preset):
    """So that `tfds.builder` finds, by that name, what train.py has prepared."""
    settings = DcignFacesConfig.from_settings(preset).settings
    config = resolved(f"faces_{preset}")
    assert FaceSettings(**config["data"], face_model=None) == settings


def test_the_best_preset_takes_the_papers_data(tmp_path):
    best, paper = (
        open_configured(resolved(f"faces_{preset}", data_dir=str(tmp_path)))
        for preset in ("best", "paper")
    )
    assert best.data_dir == paper.data_dir
