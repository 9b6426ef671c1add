"""From a resolved config to data, model, a finished run and its evaluation."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

from dcign_tf.codec import Codec
from dcign_tf.datasets.decoded import decoded_sweeps, default_budget_bytes
from dcign_tf.datasets.factor_batches import (
    batch_plan,
    clear_data_errors,
    evaluation_batches,
    evaluation_plan,
    factor_batches,
)
from dcign_tf.datasets.registry import open_configured
from dcign_tf.datasets.sweeps import NumberedSweeps, SweepDataset, Sweeps
from dcign_tf.errors import UserError
from dcign_tf.evaluation.evaluate import current_scores, evaluate_run
from dcign_tf.evaluation.report.score_tables import scores_table
from dcign_tf.model.dcign import DCIGN
from dcign_tf.model.precision import sees_gpu
from dcign_tf.runs.checkpoints import load_newest
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.runs.presets import flattened, with_whole_paths
from dcign_tf.training import loop
from dcign_tf.training.cluster import cluster_for
from dcign_tf.training.config_checks import check_beginning, check_factors, check_values
from dcign_tf.training.environment import describe_environment
from dcign_tf.training.models import compile_for_here, new_model, start_from
from dcign_tf.training.monitoring import watch
from dcign_tf.training.replicas import Replicas

Config = Mapping[str, Any]


def run_experiment(
    config: Config,
    run: RunDirectory,
    data_dir: str,
    *,
    overwrite: bool = False,
    test: bool = False,
    strategy: str = "auto",
    checkpoint_minutes: float = 10.0,
    checkpoints_kept: int = 3,
    decoded_gib: float | None = None,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Prepares the data, trains (or goes on training) and evaluates.

    Whatever can be wrong with the config shows before anything is deleted, written
    or rendered.

    Args:
        config: one of `configs/`, resolved, as a plain dict.
        run: the run directory, locked by the caller; of several processes the chief's.
        data_dir: where datasets lie.
        overwrite: whether to delete what the run directory holds.
        test: whether to score the test split, and not the validation split. The scores that a
            finished run has are kept, unless it is the test split's that are missing.
        strategy: which devices share the steps, see `Replicas`.
        checkpoint_minutes: how much training is lost at most to whatever kills the process.
        checkpoints_kept: how many of the last ones, besides the best.
        decoded_gib: memory for training images that are decoded once, in GiB, of each process;
            without it half of what there is, for all, if a GPU is visible, otherwise none.
        show: takes lines of progress.

    Returns:
        The scores, as in `evaluation/scores.json`; none in a process that is not the chief.

    Raises:
        UserError: for whatever the user can mend.
    """
    config = with_whole_paths({**config, "data_dir": data_dir})
    cluster = cluster_for(strategy)
    if cluster.is_chief:
        check_beginning(config, run, overwrite=overwrite)
    else:
        check_values(config)
    if len(cluster.workers) > 1:
        show(f"Worker {cluster.index} of {len(cluster.workers)} waits for the others.")
        show = show if cluster.is_chief else _say_nothing
    replicas = Replicas(strategy, cluster)
    with replicas.together():
        data = open_configured(config)
        check_factors(config, num_factors=len(data.extrinsic) + 1)
        training = _Training(config, data, run, replicas, show)
        model, count = training.beginning(overwrite=overwrite)
        is_finished = training.is_finished(model)
        if not is_finished:
            training.go_on(
                model,
                replicas.shared(model),
                count,
                decoded_gib,
                checkpoint_seconds=60 * checkpoint_minutes,
                checkpoints_kept=checkpoints_kept,
            )
    scores: dict[str, Any] = {}
    if cluster.is_chief:
        split = "test" if test else "validation"
        recorded = _recorded_scores(run, model, split, show) if is_finished else None
        scores = recorded or evaluate_run(run, model=model, data=data, split=split, show=show)
    replicas.meet()  # a chief that is killed before needs them all to go on
    return scores


def _recorded_scores(
    run: RunDirectory, model: DCIGN, split: str, show: Callable[[str], None]
) -> dict[str, Any] | None:
    """The scores of a run that is finished, unless it is the test split's that are missing."""
    show(
        f"{run.path} is finished (step {int(model.step.numpy()):,}). To go on, give a larger"
        " --config.num_steps; to start afresh, --overwrite."
    )
    scores = current_scores(run, model)
    if not scores or split not in ("validation", scores["split"]):
        return None
    show(f"\n{scores_table(scores)}\nScores and figures are in {run.evaluation}")
    return scores


@dataclasses.dataclass(frozen=True)
class _Training:
    """One training: with which settings, on which data, where to and by whom."""

    config: Config
    data: SweepDataset
    run: RunDirectory
    replicas: Replicas
    show: Callable[[str], None]

    def beginning(self, *, overwrite: bool) -> tuple[DCIGN, int]:
        """The model to train on, and of how many factor batches a step is; prepares data and run.

        A run keeps the batches of its steps, whoever shares them. In a process that is not the
        chief the model is a new one, and nothing is read of the run or written.
        """
        config, run, replicas = self.config, self.run, self.replicas
        is_chief = replicas.cluster.is_chief
        is_begun = is_chief and run.environment_file.exists() and not overwrite
        recorded = run.read_environment() if is_begun else {}
        begun_with = replicas.chiefs(recorded.get("replicas", replicas.count))
        count = config["batches_per_step"] * begun_with
        if count % replicas.count:
            raise UserError(
                f"A step of this run is of {count} factor batches, which {replicas.count} replicas"
                " cannot share evenly; --strategy=single takes any number."
            )
        before: dict[str, Any] = {}
        model = load_newest(run, self.show) if is_chief and not overwrite else None
        if model is None:
            model, policy, reason = new_model(config, self.data, begun_with)
            if config.get("init_from"):
                before["trained_before"] = start_from(RunDirectory(config["init_from"]), model)
        else:
            if int(model.step.numpy()) < config["num_steps"]:
                compile_for_here(model, config, replicas.count)
            policy, reason = model.encoder.layers[1].dtype_policy.name, "as this run began"
        if is_begun:
            run.check_data(self.data.fingerprint, recorded)
        self.data.prepare()  # before they are recorded: what stops it is mended, and they differ
        environment = {
            **describe_environment(),
            "precision": policy,
            "replicas": replicas.count,
            "data_fingerprint": self.data.fingerprint,
            **before,
        }
        _check_same(replicas, config, environment)
        if is_chief:
            if overwrite:  # not before there is something to begin with
                run.clear()
            for note in run.record(config, environment):
                self.show(note)
        step = int(model.step.numpy())
        if step < config["num_steps"]:
            self.show(f"Precision: {policy} ({reason}).")
            if step:
                self.show(f"Going on from step {step:,} of {run.path}.")
        return model, count

    def is_finished(self, model: DCIGN) -> bool:
        """Whether no step is left, nor the last one's validation: as the chief knows it."""
        is_done = False
        if self.replicas.cluster.is_chief:
            num_steps, every = self.config["num_steps"], self.config["validate_every"]
            step = int(model.step.numpy())
            last = next(reversed(self.run.read_metrics()), {})  # a packed model has none
            is_due = loop.is_to_be_validated(step, num_steps, every)
            is_left = is_due and last.get("step") == step and "val_elbo" not in last
            is_done = step >= num_steps and not is_left
        return bool(self.replicas.chiefs(int(is_done)))

    def go_on(
        self,
        model: DCIGN,
        copies: DCIGN,
        count: int,
        decoded_gib: float | None,
        **saving: Any,
    ) -> None:
        """Trains `model` from its step to the last one.

        Args:
            model: whose state is looked at and saved.
            copies: of `Replicas.shared`.
            count: of factor batches a step.
            decoded_gib: as for `run_experiment`.
            **saving: how often, as for `loop.train`.
        """
        config, step = self.config, int(model.step.numpy())
        if self.replicas.cluster.is_chief:
            self.run.cut_metrics(step)
        sweeps = self._training_sweeps(decoded_gib)
        drawn = {
            "ratios": config["factor_ratios"],
            "seed": config["seed"],
            "batches_per_step": count,
        }
        try:
            batches = self.replicas.distributed(
                lambda here: factor_batches(
                    sweeps,
                    model.code,
                    **drawn,
                    images_per_batch=config["images_per_batch"],
                    start_step=step,
                    num_steps=config["num_steps"],
                    num_replicas=self.replicas.count,
                    replicas=here,
                )
            )
        except ValueError as error:  # of one object, say, by ratios for its intrinsic factor alone
            raise UserError(f"No batches can be made of these data: {error}") from error
        validation = self._validation_sweeps()
        plans = {
            "train": batch_plan(sweeps, model.code, **drawn),
            "validation": evaluation_plan(validation, model.code),
        }

        def sweep_of(phase: str, batch: int) -> str:
            each = count if phase == "train" else 1
            entries = (plans[phase][entry] for entry in range(batch * each, (batch + 1) * each))
            return "; ".join(f"{model.code.factors[f]}, {phase} sweep {i}" for f, i in entries)

        most = config["validation_sweeps_used"]
        with clear_data_errors():
            loop.train(
                model,
                batches,
                evaluation_batches(validation, model.code),
                self.run,
                replicas=self.replicas,
                copies=copies,
                **{name: config[name] for name in ("num_steps", "log_every", "validate_every")},
                show=self.show,
                look=functools.partial(watch, Codec(model), self.data, most_sweeps=most),
                sweep_of=sweep_of,
                **saving,
            )

    def _training_sweeps(self, decoded_gib: float | None) -> Mapping[str, Sweeps]:
        """Those to train on, as many of them decoded as may be."""
        sweeps = self.data.sweeps("train")
        if decoded_gib is not None:
            most_bytes = decoded_gib * 2**30
        else:
            workers = len(self.replicas.cluster.workers)
            most_bytes = default_budget_bytes(workers) if sees_gpu() else 0
        if not most_bytes:
            return sweeps
        return decoded_sweeps(sweeps, most_bytes=most_bytes, show=self.show)

    def _validation_sweeps(self) -> dict[str, Sweeps]:
        most = self.config["validation_sweeps_used"]
        return {
            factor: NumberedSweeps(min(len(sweeps), most), sweeps.__getitem__)
            for factor, sweeps in self.data.sweeps("validation").items()
        }


def _say_nothing(line: str) -> None:
    """Of several processes the chief tells."""


def _check_same(replicas: Replicas, config: Config, environment: Mapping[str, Any]) -> None:
    software = ("python", "tensorflow", "keras", "numpy", "commit")
    kind = {name: config[name] for name in ("dataset", "preset")}
    replicas.check_same({**{name: environment[name] for name in software}, **kind})
    of_place = ("data_dir", "face_model", "init_from")
    settings = {f"--config.{k}": v for k, v in flattened(config).items() if k not in of_place}
    found = {name: environment[name] for name in ("precision", "data_fingerprint")}
    replicas.check_same({**settings, **found})
