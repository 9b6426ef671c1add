"""The training loop: steps, logs, validation, checkpoints; exact to resume.

A loop of our own rather than `fit`: it stops at any step, not only at the ends
of epochs, and runs under every distribution strategy (Keras 3.15's `fit` does
not under `MultiWorkerMirroredStrategy`). `DCIGN` also trains with plain `fit`.
Of several processes all make the steps; the chief alone does what comes between them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import shutil
import time
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcign_tf import interrupts
from dcign_tf.errors import UserError
from dcign_tf.files import write_aside
from dcign_tf.model.dcign import DCIGN
from dcign_tf.runs.checkpoints import check_finite, keeping_older, save_model
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.training.logs import heading, row, summarise, writing_summaries
from dcign_tf.training.monitoring import Watched
from dcign_tf.training.replicas import Done, Replicas


def train(
    model: DCIGN,
    batches: Iterable,
    validation_batches: Iterable,
    run: RunDirectory,
    *,
    replicas: Replicas | None = None,
    copies: DCIGN | None = None,
    num_steps: int,
    log_every: int,
    validate_every: int,
    show: Callable[[str], None] = print,
    look: Callable[[], Watched] = Watched,
    sweep_of: Callable[[str, int], str] = "{} batch {}".format,
    checkpoint_seconds: float = math.inf,
    checkpoints_kept: int = 1,
) -> None:
    """Trains from `model.step` to `num_steps`; the weights do not depend on what is due when.

    Interrupted, it ends the step that it is at, and saves a checkpoint.

    Args:
        model: compiled; its `step` says where to go on.
        batches: factor batches from that step on; of replicas, distributed.
        validation_batches: the factor batches to validate on.
        run: where metrics, TensorBoard files and checkpoints go.
        replicas: the devices that share each step; without them there is one.
        copies: what these train (`Replicas.shared`), `model` being given its state when it is
            looked at and saved; without it they train `model` itself.
        num_steps: where training ends.
        log_every: a line on the screen and in metrics.jsonl, in steps.
        validate_every: validation, a look at the model and a checkpoint, in steps.
        show: takes a line of progress.
        look: what is seen of the model as it is then, at every validation.
        sweep_of: names what a batch shows: of `train` by its step, from 0; of `validation`.
        checkpoint_seconds: a checkpoint between validations, if the last one is so old.
        checkpoints_kept: how many of the last ones; the best one is kept besides.

    Raises:
        UserError: if a loss or a weight is not finite, or a file cannot be written; the last
            checkpoint is kept.
        KeyboardInterrupt: if it was interrupted, once all is saved; a second interrupt at once.
    """
    replicas, copies = replicas or Replicas(), copies or model
    run_step = replicas.compiled(copies.train_step)
    iterator = iter(batches)
    step = first = int(model.step.numpy())
    course = None
    if replicas.cluster.is_chief:
        run_test = Replicas().compiled(model.test_step)
        course = _Course(
            model,
            run,
            functools.partial(_validate, model, run, run_test, validation_batches, look, sweep_of),
            num_steps=num_steps,
            validate_every=validate_every,
            checkpoint_seconds=checkpoint_seconds,
            checkpoints_kept=checkpoints_kept,
            show=show,
        )
        course.begin(step)

    with contextlib.ExitStack() as whole_steps:
        while step < num_steps:
            start, stop = step, _next_stop(step, num_steps, log_every, validate_every)
            started, made = time.monotonic(), []
            while start + len(made) < stop:
                made.append(run_step(next(iterator), _notices(course)))
                if start + len(made) == first + 1:  # tracing it takes longer than a notice lasts
                    whole_steps.enter_context(interrupts.put_off())
                if _is_to_pause(made[-1], course, replicas):
                    break
            step = start + len(made)
            images = int(sum(done.images for done in made))
            logs = _take_means(copies, "train")
            elapsed = time.monotonic() - started
            if not math.isfinite(logs["loss"]):
                bad = start + _first_not_finite(made)
                what = f"loss became {logs['loss']} in step {bad + 1:,} ({sweep_of('train', bad)})"
                raise _diverged(what, run)
            if course:
                course.seconds += elapsed
                logs["images_per_second"] = round(images / elapsed, 1)
                replicas.gather(copies, model)
                course.end_step(
                    {"step": step, "seconds": round(course.seconds, 3), **logs},
                    seconds_left=(num_steps - step) * elapsed / len(made),
                )
            elif made[-1].notices[0] > 0:  # what this process alone was told waits for a step
                interrupts.check()


def is_to_be_validated(step: int, num_steps: int, validate_every: int) -> bool:
    """Whether validation is due after a step."""
    return step % validate_every == 0 or step == num_steps


@dataclasses.dataclass
class _Course:
    """What happens at the end of a step for which a line is due; see `train`.

    Attributes:
        validate: the step to the numbers of a validation, and what is seen then.
        best: the highest validation ELBO so far.
        seconds: of training steps only.
        saved: when a checkpoint was, or the training began; of `time.monotonic`.
    """

    model: DCIGN
    run: RunDirectory
    validate: Callable[[int], tuple[dict[str, float], Watched]]
    num_steps: int
    validate_every: int
    checkpoint_seconds: float
    checkpoints_kept: int
    show: Callable[[str], None]
    best: float = -math.inf
    seconds: float = 0.0
    saved: float = dataclasses.field(default_factory=time.monotonic)

    def begin(self, step: int) -> None:
        """Goes on with what was recorded, and does what may not have been done at its end."""
        with writing_summaries(self.run):
            self._writer = tf.summary.create_file_writer(str(self.run.tensorboard))
        self.show(heading())
        if records := self.run.read_metrics():
            last = records[-1]
            self.seconds = last.get("seconds", 0.0)
            self.best = max((r["val_elbo"] for r in records if "val_elbo" in r), default=self.best)
            if last["step"] == step and "val_elbo" not in last:
                self.run.cut_metrics(step - 1)  # interrupted there, perhaps before it was validated
                self.end_step(last)

    def is_overdue(self) -> bool:
        """Whether there should have been a checkpoint by now."""
        return time.monotonic() - self.saved >= self.checkpoint_seconds

    def end_step(self, record: dict[str, Any], seconds_left: float = math.nan) -> None:
        """Validates if that is due, tells of the step, and saves it if that is due."""
        step, watched, interrupt = record["step"], Watched(), None
        is_validated = is_to_be_validated(step, self.num_steps, self.validate_every)
        if is_validated:
            try:
                with interrupts.let_through():
                    numbers, watched = self.validate(step)
                record |= numbers
            except KeyboardInterrupt as error:  # whoever goes on from here begins with it
                interrupt = error
        self.run.append_metrics(record)
        with writing_summaries(self.run):
            summarise(self._writer, step, record, watched)
        self.show(row(step, self.num_steps, record, seconds_left))
        elbo = record.get("val_elbo", -math.inf)
        if is_validated or self.is_overdue() or interrupts.is_asked():
            _save(self.model, self.run, is_best=elbo > self.best, kept=self.checkpoints_kept)
            self.saved = time.monotonic()
        self.best = max(self.best, elbo)
        if interrupt:
            raise interrupt
        interrupts.check()


def _validate(
    model: DCIGN,
    run: RunDirectory,
    run_test: Callable,
    batches: Iterable,
    look: Callable[[], Watched],
    sweep_of: Callable[[str, int], str],
    step: int,
) -> tuple[dict[str, Any], Watched]:
    """The validation losses of a step and whatever `look` sees, which is returned, too."""
    # The last update may have spoilt weights that no training loss has seen yet.
    _check_weights(model, step, run)
    _take_means(model, "test")  # of a validation that was interrupted
    tested = [run_test(batch, _notices(None)) for batch in batches]
    numbers = {f"val_{name}": mean for name, mean in _take_means(model, "test").items()}
    if not math.isfinite(numbers["val_elbo"]):
        bad = sweep_of("validation", _first_not_finite(tested))
        what = f"validation ELBO became {numbers['val_elbo']} after step {step:,} ({bad})"
        raise _diverged(what, run)
    watched = look()
    numbers |= watched.numbers
    if watched.latent_kl.size:
        numbers["val_latent_kl"] = [round(nats, 4) for nats in watched.latent_kl.tolist()]
    return numbers, watched


def _notices(course: _Course | None) -> np.ndarray:
    """Whether this process was told to stop, and whether its checkpoint is overdue; int32 [2]."""
    return np.array([interrupts.is_asked(), course is not None and course.is_overdue()], np.int32)


def _is_to_pause(done: Done, course: _Course | None, replicas: Replicas) -> bool:
    """Whether a step is the last one for now; of several processes for all, whoever gave notice."""
    if not replicas.are_many_processes:
        return interrupts.is_asked() or course.is_overdue()
    is_told, is_overdue = done.notices.numpy() > 0
    if is_told:
        interrupts.ask()
    return is_told or is_overdue


def _next_stop(step: int, num_steps: int, *intervals: int) -> int:
    """The first step after `step` at which something is due."""
    return min(num_steps, *(n * (step // n + 1) for n in intervals))


def _take_means(model: DCIGN, phase: str) -> dict[str, float]:
    """The mean losses since the last call, NaN for a factor that no batch varied.

    Of training also the mean norm of the gradient; and the learning rate, the warm-up and, of
    mixed float16, the loss scale, which are those of the next step.
    """
    means = {}
    for metric in model.loss_means[phase].values():
        means |= {name: float(value) for name, value in metric.result().items()}
        metric.reset_state()
    if phase == "train":
        for name, metric in model.step_means.items():
            means[name] = float(metric.result())
            metric.reset_state()
        means["learning_rate"] = float(model.optimizer.learning_rate)
        means["warmup"] = float(model.warmup())
        if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
            means["loss_scale"] = float(model.optimizer.dynamic_scale)
    return means


def _first_not_finite(steps: Iterable[Done]) -> int:
    return [math.isfinite(done.loss) for done in steps].index(False)


def _check_weights(model: DCIGN, step: int, run: RunDirectory) -> None:
    try:
        check_finite(model)
    except UserError as error:
        raise _diverged(
            f"weights became infinite or NaN by step {step:,} ({error})", run
        ) from error


def _diverged(what: str, run: RunDirectory) -> UserError:
    kept = (
        f"the checkpoint before it is kept ({run.last_checkpoint})"
        if run.last_checkpoint.exists()
        else "no checkpoint had been written yet"
    )
    return UserError(
        f"The {what}; {kept}."
        " Try a smaller --config.optimizer.learning_rate or --config.precision=float32,"
        " in a new --workdir."
    )


def _save(model: DCIGN, run: RunDirectory, *, is_best: bool, kept: int) -> None:
    if not is_best:
        with keeping_older(run, kept):
            save_model(model, run.last_checkpoint)
        return
    # The best first: a kill between the two leaves a step that will be made, and saved, again.
    save_model(model, run.best_checkpoint)
    with keeping_older(run, kept):
        write_aside(run.last_checkpoint, lambda path: shutil.copyfile(run.best_checkpoint, path))
