"""Packs a trained, evaluated run so small that it can come with the package."""

from __future__ import annotations

import contextlib
import io
import shlex
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dcign_tf.codec import Codec
from dcign_tf.datasets.registry import facts_of_trained
from dcign_tf.errors import UserError
from dcign_tf.evaluation.figures.style import save_figure
from dcign_tf.evaluation.report.documents import document
from dcign_tf.evaluation.scores import are_current
from dcign_tf.evaluation.showcase import EXAMPLES_FOLDER
from dcign_tf.files import aside, check_absent, sealed, write_json, writing
from dcign_tf.folders import is_shown
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.precision import float32_copy
from dcign_tf.pretrained import hub
from dcign_tf.pretrained.hub import MOST_BYTES
from dcign_tf.pretrained.photograph import photograph_sheet
from dcign_tf.quantities import data_size
from dcign_tf.readouts.calibrated_factor import CalibrationError
from dcign_tf.readouts.face_shape import READOUT_FILE, ShapeReadout
from dcign_tf.readouts.identities import IDENTITIES_FILE, IdentityDistribution
from dcign_tf.runs.checkpoints import load_model, save_model
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import flattened, training_command

CARD = "model_card.md"
PHOTOGRAPH = "photograph.png"
MOST_DIFFERENCE = 1 / 255
"""Of any pixel, between the pictures of the packed weights and of the original ones."""

_WEIGHTS = "model.weights.h5"  # in Keras's zip file
_EVALUATION = ("scores.json", "calibration.json", IDENTITIES_FILE, EXAMPLES_FOLDER)
# The settings that a network and its twin have in common.
_ALIKE = ("network", "latents_per_factor", "likelihood")
_PATHS = ("--data_dir", "--workdir", "--init_from", "--config.face_model", "--export")
_COMPARED = 256  # codes whose pictures are compared


def pack(
    run: RunDirectory,
    output: Path,
    *,
    checkpoint: str = "last",
    twin: RunDirectory | None = None,
    repository: str | None = None,
    show: Callable[[str], None] = print,
) -> None:
    """Writes a run directory that holds what is needed to use the model, and a model card.

    Beside the card lies what the model makes of a photograph.

    Args:
        run: trained and evaluated.
        output: a folder that does not exist yet; its name becomes the model's.
        checkpoint: `"last"` or `"best"`, which one `dcign-tf evaluate` was given.
        twin: of the same network on the same data, entangled and evaluated, whose scores stand
            beside in the card, which says how long each was trained.
        repository: `owner/name` on the Hugging Face Hub, for which the folder is packed: its card
            is then called as the hub wants it, and begins with what the hub reads.
        show: takes a line on what was written.

    Raises:
        UserError: if the run was trained by a tree that nobody can check out, or was not
            evaluated with this checkpoint on the test split, the twin is none or was
            not evaluated on it, the folder exists or cannot be written, or the packed model is too
            large or draws other pictures.
    """
    check_absent(output)
    if repository:
        hub.check_repository(repository)
    check_commit(run)
    model = load_model(run.checkpoint(checkpoint))
    _check_evaluated(run, model)
    twin_scores = None if twin is None else _scores_of_twin(twin, run)
    steps = {
        name: which.steps_before() + which.read_scores()["step"]
        for name, which in (("own", run), ("twin", twin))
        if which
    }
    with writing(output), aside(output) as folder:
        packed = RunDirectory(folder)
        _copy_files(run, packed)
        original = float32_copy(model)
        save_half_precision(original, packed.last_checkpoint)
        difference = _largest_difference(original, load_model(packed.last_checkpoint))
        save_figure(photograph_sheet(original), folder / PHOTOGRAPH)
        config = packed.read_config()
        environment = packed.read_environment()
        facts = facts_of_trained(config, environment.get("data_fingerprint"))
        earlier = environment.get("trained_before") or run.read_config().get("init_from")
        card = document(
            "packaged_model.md.jinja",
            config=config,
            facts=facts,
            environment=environment,
            calibration=model.calibration,
            scores=packed.read_scores(),
            name=output.name,
            address=f"{hub.SCHEME}{repository}" if repository else output.name,
            image_shape=model.encoder.input_shape[1:],
            latent_dim=model.code.latent_dim,
            levels=255 * difference,
            values={curve.name: curve for curve in model.calibration.usable.values()},
            training_command=training_command({**config, "init_from": "DIR" if earlier else None}),
            twin_scores=twin_scores,
            steps=steps,
            photograph=PHOTOGRAPH,
        )
        if repository:
            front_matter = hub.front_matter(repository, config, facts, packed.read_scores())
            card = f"{front_matter}\n{card}"
        (folder / (hub.CARD if repository else CARD)).write_text(card, encoding="utf-8")
        size = sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())
        _check_fit(output, difference, size)
    show(
        f"{output}: {data_size(size)}; no pixel differs by more than {255 * difference:.2f}/255"
        " from the original weights' pictures."
    )


def check_commit(run: RunDirectory) -> None:
    """Raises `UserError` if a run was trained by a tree that nobody can check out."""
    environment = run.read_environment()
    for training in (*environment.get("trained_before", []), environment):
        commit = training.get("commit") or ""  # none where there was no checkout
        if commit.endswith("-dirty"):
            raise UserError(
                f"{run.path} was trained by commit {commit}, with changes that are in no commit:"
                " nobody could train it again. Commit them, and train it anew with --overwrite."
            )


def copy_record(run: RunDirectory, copy: RunDirectory) -> None:
    """Copies settings and environment, but for paths, which are of no use on another machine."""
    copy.write_config({**run.read_config(), "data_dir": "data", "init_from": None})
    environment = run.read_environment()
    environment["command"] = _without_paths(environment.get("command", ""))
    for earlier in environment.get("trained_before", []):
        earlier["command"] = _without_paths(earlier["command"])
    write_json(copy.environment_file, sealed(environment))


def _without_paths(command: str) -> str:
    return shlex.join(word for word in shlex.split(command) if not word.startswith(_PATHS))


def save_half_precision(model: DCIGN, path: Path) -> None:
    """Saves a model as a `.keras` file whose weights are float16; Keras loads it as any other.

    Args:
        model: not compiled, so that no optimiser is saved with it.
        path: to be written; its folder is made.
    """
    save_model(model, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[_WEIGHTS] = _halved(parts[_WEIGHTS])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def _halved(weights: bytes) -> bytes:
    """An HDF5 file with its float32 arrays as float16."""
    file = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as source, h5py.File(file, "w") as target:

        def copy(name: str, node: h5py.Group | h5py.Dataset) -> None:
            if isinstance(node, h5py.Group):
                made = target.create_group(name)
            else:
                half = np.float16 if node.dtype == np.float32 else node.dtype
                made = target.create_dataset(name, data=node[()], dtype=half)
            made.attrs.update(node.attrs)

        source.visititems(copy)
    return file.getvalue()


def _check_evaluated(run: RunDirectory, model: DCIGN) -> None:
    step = int(model.step.numpy())
    again = f"Evaluate it first: dcign-tf evaluate --workdir={run.path}"
    try:
        model.checked_calibration()
    except CalibrationError as error:
        raise UserError(f"{error} {again}") from error
    if not are_current(run.read_scores(), step):
        raise UserError(f"{run.path} has no scores of step {step:,}, its checkpoint's. {again}")
    if run.read_scores()["split"] != "test":
        raise UserError(f"{run.path} has no scores of the test split, which a card tells. {again}")
    missing = [name for name in _EVALUATION if not (run.evaluation / name).exists()]
    if missing:
        raise UserError(f"{run.evaluation} lacks {', '.join(missing)}. {again}")
    IdentityDistribution.load(run.evaluation / IDENTITIES_FILE)  # says if it is damaged
    with contextlib.suppress(FileNotFoundError):  # of faces only
        ShapeReadout.load(run.evaluation / READOUT_FILE)


def _scores_of_twin(twin: RunDirectory, run: RunDirectory) -> dict[str, Any]:
    """Raises `UserError` unless it is such a network on such data, and was evaluated."""
    told = []
    for directory in (run, twin):
        config, environment = directory.read_config(), directory.read_environment()
        of_data = {"data": environment.get("data_fingerprint")}
        told.append(flattened({name: config.get(name) for name in _ALIKE} | of_data))
    differ = [key for key in {**told[0], **told[1]} if told[0].get(key) != told[1].get(key)]
    if differ:
        raise UserError(
            f"{twin.path} is no twin of {run.path}: they differ in {', '.join(differ)}."
        )
    if twin.read_config()["procedure"] != "entangled":
        raise UserError(f"{twin.path} is no twin of {run.path}: it is not entangled.")
    check_commit(twin)
    scores = twin.read_scores()
    step = int(load_model(twin.last_checkpoint).step.numpy())
    if not are_current(scores, step) or scores["split"] != "test":
        raise UserError(
            f"{twin.path} has no test scores of its last step."
            f" Evaluate it first: dcign-tf evaluate --workdir={twin.path}"
        )
    return scores


def _copy_files(run: RunDirectory, packed: RunDirectory) -> None:
    copy_record(run, packed)
    packed.evaluation.mkdir()
    optional = [READOUT_FILE] if (run.evaluation / READOUT_FILE).exists() else []
    for name in [*_EVALUATION, *optional]:
        source = run.evaluation / name
        if source.is_dir():
            shutil.copytree(
                source,
                packed.evaluation / name,
                ignore=lambda _, names: [entry for entry in names if not is_shown(entry)],
            )
        else:
            shutil.copyfile(source, packed.evaluation / name)


def _largest_difference(original: DCIGN, packed: DCIGN) -> float:
    """Of any pixel of pictures of random codes, and of these encoded and decoded again."""
    codes = np.random.default_rng(0).standard_normal((_COMPARED, original.code.latent_dim))
    networks = Codec(original), Codec(packed)
    drawn = [network.decode(codes.astype(np.float32)) for network in networks]
    again = [network.reconstruct(drawn[0]) for network in networks]
    return max(float(np.abs(mine - theirs).max()) for mine, theirs in (drawn, again))


def _check_fit(output: Path, difference: float, size: int) -> None:
    if not difference <= MOST_DIFFERENCE:
        raise UserError(
            f"{output} is not written: in half precision a pixel differs by {255 * difference:.1f}"
            " of 255 levels, and 1 is allowed."
        )
    if size > MOST_BYTES:
        raise UserError(
            f"{output} is not written: it would take {data_size(size)}, and"
            f" {data_size(MOST_BYTES)} are allowed. Train a smaller --config.network."
        )
