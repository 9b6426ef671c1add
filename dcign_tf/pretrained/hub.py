"""Packed models on the Hugging Face Hub: fetching one, and what the hub wants to know of one.

What lies there is a stranger's. Only the files of a packed model are fetched, no more than one may
take, and compared with the hub's checksums; what reads them afterwards takes them for no better
than any other file.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from dcign_tf.datasets.settings import DatasetFacts
from dcign_tf.errors import UserError
from dcign_tf.files import damaged, sha256
from dcign_tf.quantities import data_size, display_name

SCHEME = "hf://"
CARD = "README.md"
"""What the hub shows of a model, and reads its front matter from."""
MOST_BYTES = 12_000_000
"""Of everything that is packed."""

_FILES = (
    "config.json",
    "environment.json",
    "checkpoints/last.keras",
    "evaluation/*.json",
    "evaluation/*.npz",
    "evaluation/examples/*.png",
)
_NEEDED = ("config.json", "checkpoints/last.keras")
_METRICS = {"mean_absolute_error": "mae", "r2_calibrated": "r_squared", "spearman": "spearmanr"}
"""Scores of a factor to what the hub calls them."""


def parsed(address: str) -> tuple[str, str | None]:
    """The repository and the revision, if there is one, of `hf://owner/name@revision`.

    Raises:
        UserError: if it is no such address.
    """
    part = r"[A-Za-z0-9_][\w.-]{0,95}"
    found = re.fullmatch(rf"{SCHEME}({part}/{part})(?:@([\w./-]+))?", address, re.ASCII)
    if found is None:
        raise UserError(f"'{address}' is no address such as hf://owner/name or hf://owner/name@v1.")
    return found[1], found[2]


def check_repository(name: str) -> None:
    """Raises `UserError` if this is no `owner/name`, or `huggingface_hub` is not installed."""
    if parsed(f"{SCHEME}{name}") != (name, None):
        raise UserError(f"'{name}' is no repository such as owner/name.")
    library()


def fetched(address: str) -> Path:
    """The folder of a packed model, fetched unless it is in the hub's cache; to be read only.

    Args:
        address: `hf://owner/name`, or `hf://owner/name@revision`: a branch, a tag or a commit.

    Raises:
        UserError: if it cannot be fetched, is no packed model or a larger one than there are, or
            a file does not fit the hub's checksum.
    """
    repository, revision = parsed(address)
    hub = library()
    fetch = functools.partial(
        hub.snapshot_download, repository, revision=revision, allow_patterns=list(_FILES)
    )
    try:
        info = hub.HfApi().model_info(repository, revision=revision, files_metadata=True)
    except (hub.errors.RepositoryNotFoundError, hub.errors.RevisionNotFoundError) as error:
        raise UserError(
            f"There is no {address} that you may read: look for its name and its revision at"
            f" {hub.constants.ENDPOINT}, or log in (`hf auth login`)."
        ) from error
    except Exception as error:  # of whatever library it asks the hub with
        try:
            return Path(fetch(local_files_only=True))
        except OSError:
            raise _unreachable(address, error) from error
    files = {
        file.rfilename: file
        for file in info.siblings
        if any(fnmatch.fnmatchcase(file.rfilename, pattern) for pattern in _FILES)
    }
    if missing := [name for name in _NEEDED if name not in files]:
        raise UserError(
            f"{address} is no model that dcign-tf pack has written: it has no {missing[0]}."
        )
    size = sum(file.size or 0 for file in files.values())
    if size > MOST_BYTES:
        raise UserError(
            f"{address} is no model that dcign-tf pack has written: its files take"
            f" {data_size(size)}, and {data_size(MOST_BYTES)} are the most."
        )
    try:
        folder = Path(fetch())
        if folder.name != info.sha:
            raise ValueError("it was changed in this very moment")
    except Exception as error:
        raise _unreachable(address, error) from error
    for name, file in files.items():
        if file.lfs and sha256(folder / name) != file.lfs.sha256:
            raise damaged(folder / name, "it does not fit the hub's checksum")
    return folder


def library() -> ModuleType:
    """`huggingface_hub`; raises `UserError` if it is not installed."""
    try:
        import huggingface_hub.errors
    except ImportError as error:
        raise UserError(
            "Models of the Hugging Face Hub need its library: pip install 'dcign-tf[hub]'."
        ) from error
    return huggingface_hub


def front_matter(
    repository: str,
    config: Mapping[str, Any],
    facts: DatasetFacts,
    scores: Mapping[str, Any],
) -> str:
    """What the card of a model begins with, so that the hub finds and lists it: YAML.

    Args:
        repository: `owner/name`.
        config: of the run.
        facts: of its data.
        scores: as in scores.json.

    Raises:
        UserError: if `huggingface_hub` is not installed.
    """
    hub = library()
    results = [
        hub.EvalResult(
            task_type="image-to-image",
            dataset_type=f"dcign_{config['dataset']}",
            dataset_name=f"{config['dataset']} ({config['preset']})",
            dataset_split=scores["split"],
            metric_type=metric,
            metric_name=title,
            metric_value=value,
        )
        for metric, title, value in _measured(scores)
    ]
    data = hub.ModelCardData(
        model_name=repository.partition("/")[2],
        license="apache-2.0" if facts.is_rendered_here else "other",
        library_name="keras",
        pipeline_tag="image-to-image",
        tags=[
            "dcign-tf",
            "tensorflow",
            "disentanglement",
            "variational-autoencoder",
            "inverse-graphics",
            "arxiv:1503.03167",
        ],
        metrics=sorted({result.metric_type for result in results}),
        eval_results=results,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _measured(scores: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    """The hub's name of a metric, what it is here, and its value."""
    yield "mse", "reconstruction, mean squared error", scores["reconstruction_mse"]
    for factor, of_factor in scores["factors"].items():
        for score, metric in _METRICS.items():
            if of_factor.get(score) is not None:
                yield metric, f"{display_name(factor)}, {score}", of_factor[score]


def _unreachable(address: str, error: Exception) -> UserError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    return UserError(f"Cannot fetch {address} ({reason}). Try again, or give a run directory.")
