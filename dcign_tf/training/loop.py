"""The training loop: steps, logs, validation, checkpoints; exact to resume.

A loop of our own rather than `fit`: it stops at any step, not only at the ends
of epochs, and runs under every distribution strategy (Keras 3.15's `fit` does
not under `MultiWorkerMirroredStrategy`). `DCIGN` also trains with plain `fit`.
"""

from __future__ import annotations

import contextlib
import functools
import math
import shutil
import time
from collections.abc import Callable, Iterable, Iterator

import tensorflow as tf

from dcign_tf import interrupts
from dcign_tf.errors import UserError
from dcign_tf.files import write_aside
from dcign_tf.model.dcign import DCIGN
from dcign_tf.progress import duration
from dcign_tf.runs.checkpoints import check_finite, save_model
from dcign_tf.runs.directory import RunDirectory
from dcign_tf.training.monitoring import Watched


def train(
    model: DCIGN,
    batches: tf.data.Dataset,
    validation_batches: Iterable,
    run: RunDirectory,
    *,
    num_steps: int,
    log_every: int,
    validate_every: int,
    show: Callable[[str], None] = print,
    look: Callable[[int], Watched] = lambda step: Watched(),
    sweep_of: Callable[[str, int], str] = "{} batch {}".format,
) -> None:
    """Trains from `model.step` to `num_steps`; the weights do not depend on what is due when.

    Args:
        model: compiled; its `step` says where to go on.
        batches: factor batches from that step on; under a strategy, distributed.
        validation_batches: the factor batches to validate on.
        run: where metrics, TensorBoard files and checkpoints go.
        num_steps: where training ends.
        log_every: a line on the screen and in metrics.jsonl, in steps.
        validate_every: validation, a look at the model and a checkpoint, in steps.
        show: takes a line of progress.
        look: the step to what is seen of the model then, at every validation.
        sweep_of: names what a batch shows: of `train` by its step, from 0; of `validation`.

    Raises:
        UserError: if a loss or a weight is not finite, or a file cannot be written; the last
            checkpoint is kept.
    """
    iterator = iter(batches)
    run_step = _compiled(model.train_step)
    run_test = _compiled(model.test_step)
    step = int(model.step.numpy())
    records = run.read_metrics()
    best = max((r["val_elbo"] for r in records if "val_elbo" in r), default=-math.inf)
    seconds = records[-1].get("seconds", 0.0) if records else 0.0  # of training steps only
    with _writing_summaries(run):
        writer = tf.summary.create_file_writer(str(run.tensorboard))
    show(_ROW.format(*_COLUMNS))

    while step < num_steps:
        interrupts.check()
        start, stop = step, _next_stop(step, num_steps, log_every, validate_every)
        started = time.monotonic()
        made = [run_step(next(iterator)) for _ in range(start, stop)]
        images = int(sum(count for count, _ in made))
        logs = _take_means(model, "train")
        elapsed = time.monotonic() - started
        if not math.isfinite(logs["loss"]):
            bad = start + _first_not_finite(loss for _, loss in made)
            what = f"loss became {logs['loss']} in step {bad + 1:,} ({sweep_of('train', bad)})"
            raise _diverged(what, run)
        seconds += elapsed
        step = stop
        validate = step % validate_every == 0 or step == num_steps
        if validate:
            # The last update may have spoilt weights that no training loss has seen yet.
            _check_weights(model, step, run)
            tested = [loss for _, loss in map(run_test, validation_batches)]
            logs |= {f"val_{name}": mean for name, mean in _take_means(model, "test").items()}
            if not math.isfinite(logs["val_elbo"]):
                bad = sweep_of("validation", _first_not_finite(tested))
                what = f"validation ELBO became {logs['val_elbo']} after step {step:,} ({bad})"
                raise _diverged(what, run)
        watched = look(step) if validate else Watched()
        logs |= {"images_per_second": round(images / elapsed, 1), **watched.numbers}
        record = {"step": step, "seconds": round(seconds, 3), **logs}
        if watched.latent_kl.size:
            record["val_latent_kl"] = [round(nats, 4) for nats in watched.latent_kl.tolist()]
        run.append_metrics(record)
        with _writing_summaries(run):
            _summarise(writer, step, logs, watched)
        seconds_left = (num_steps - step) * elapsed / (stop - start)
        show(_row(step, num_steps, logs, images / elapsed, seconds_left))
        if validate:
            _save(model, run, is_best=logs["val_elbo"] > best)
            best = max(best, logs["val_elbo"])


def _next_stop(step: int, num_steps: int, *intervals: int) -> int:
    """The first step after `step` at which something is due."""
    return min(num_steps, *(n * (step // n + 1) for n in intervals))


def _compiled(replica_step: Callable) -> Callable:
    """A graph function of one (distributed) batch; returns how many images it had, and the loss.

    The loss is the mean since the last one was taken: once not finite, always so.
    """
    strategy = tf.distribute.get_strategy()

    # No step branches on a tensor, and to convert the sources takes as long as to trace them.
    @tf.function(autograph=False)
    def distributed(batch):
        logs = strategy.run(replica_step, args=(batch,))
        loss = logs["loss"]
        counts = strategy.run(tf.size, args=(batch["factor"],))
        reduce = functools.partial(strategy.reduce, tf.distribute.ReduceOp.SUM, axis=None)
        return reduce(counts), reduce(loss)

    return distributed


def _take_means(model: DCIGN, phase: str) -> dict[str, float]:
    """The mean losses since the last call, NaN for a factor that no batch varied.

    Of training also the mean norm of the gradient; and the learning rate and warm-up, which are
    those of the next step.
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
    return means


def _first_not_finite(losses: Iterable[tf.Tensor]) -> int:
    return [math.isfinite(loss) for loss in losses].index(False)


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


def _save(model: DCIGN, run: RunDirectory, is_best: bool) -> None:
    if not is_best:
        save_model(model, run.last_checkpoint)
        return
    # The best first: a kill between the two leaves a step that will be made, and saved, again.
    save_model(model, run.best_checkpoint)
    write_aside(run.last_checkpoint, lambda path: shutil.copyfile(run.best_checkpoint, path))


@contextlib.contextmanager
def _writing_summaries(run: RunDirectory) -> Iterator[None]:
    try:
        yield
    except tf.errors.OpError as error:
        raise UserError(f"Cannot write to {run.tensorboard}: {error.message}") from error


def _summarise(
    writer: tf.summary.SummaryWriter, step: int, logs: dict[str, float], watched: Watched
) -> None:
    with writer.as_default(step):
        for name, value in logs.items():
            if math.isfinite(value):
                tf.summary.scalar(name, value)
        for name, images in watched.pictures.items():
            tf.summary.image(name, images, max_outputs=len(images))
        for name, numbers in watched.histograms.items():
            tf.summary.histogram(name, numbers)
        if watched.latent_kl.size:
            tf.summary.histogram("latent_kl", watched.latent_kl)
    writer.flush()


_COLUMNS = ("step", "loss", "reconstr.", "KL", "invariance", "val. ELBO", "images/s", "left")
_ROW = "{:>15} {:>10} {:>10} {:>8} {:>10} {:>10} {:>8} {:>13}"


def _row(
    step: int,
    num_steps: int,
    logs: dict[str, float],
    images_per_second: float,
    seconds_left: float,
) -> str:
    """The losses, in nats per image, over all factors since the last row; below `_COLUMNS`."""
    names = ("loss", "reconstruction_loss", "kl_loss", "invariance_loss", "val_elbo")
    # Most procedures have names of their own for the second and third.
    kinds = ("", "clamped_", "active_", "grouped_")
    values = [next((logs[k + n] for k in kinds if k + n in logs), None) for n in names]
    return _ROW.format(
        f"{step:,}/{num_steps:,}",
        *("" if value is None else f"{value:.2f}" for value in values),
        f"{images_per_second:,.0f}",
        duration(seconds_left),
    )
