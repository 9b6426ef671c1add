"""The figures of an evaluation on its page: in which section, and what to look for in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element

from dcign_tf.evaluation.figures.names import without_number
from dcign_tf.evaluation.report.html_page import figure
from dcign_tf.quantities import display_name

OTHERS = "others"
"""The section of figures that nothing is known of."""


@dataclasses.dataclass(frozen=True)
class _Text:
    """What is said of a figure; `{factor}` stands for the name of its factor."""

    section: str
    alt: str
    caption: str


# In the order in which they are shown.
_TEXTS = {
    "equivariance": _Text(
        "values",
        "Scatter plots of the inferred latent against the true value, one for each factor.",
        "A latent that tells its factor is a narrow band that rises or falls throughout. A cloud"
        " tells nothing.",
    ),
    "ordered": _Text(
        "values",
        "Rows of pictures in the order of the latent of {factor}.",
        "There are no true values of {factor} to compare with. If its latent follows it, the"
        " pictures of each row are in its order.",
    ),
    "traversal": _Text(
        "views",
        "Rows of pictures, {factor} changed from left to right.",
        "One latent is changed, all others are left as inferred from the picture on the left. Good:"
        " {factor} changes evenly, and the person stays the same.",
    ),
    "rotation": _Text(
        "views",
        "Objects turned to given angles, below their true pictures.",
        "Good: the decoded rows show the true ones' angles, and the object given. What the given"
        " view hides has to be guessed.",
    ),
    "rerendering": _Text(
        "views",
        "Curves of the squared error over the size of the change, one panel for each factor.",
        "Good: the network's curve lies far below that of the picture given, and rises little.",
    ),
    "novel_views": _Text(
        "views",
        "Triples of pictures: given, asked for, decoded.",
        "The latent of one factor is taken from the picture asked for, everything else from the"
        " picture given.",
    ),
    "movement": _Text(
        "answers",
        "A table of colours: variance of each latent group while each factor varies.",
        "Dark on the diagonal and pale elsewhere: each latent moves for its own factor alone."
        " Intrinsic latents are many, and each moves little.",
    ),
    "sweeps": _Text(
        "answers",
        "The values of each factor's latent in single sweeps, side by side.",
        "Columns of the same height and place: the latent means the same whoever is seen.",
    ),
    "reconstructions": _Text(
        "reconstruction",
        "Pictures of unseen identities, and below each what its code decodes to.",
        "All that the decoder draws it draws from the code: what is lost here, no turning brings"
        " back.",
    ),
    "recognition": _Text(
        "recognition",
        "ROC curves of each representation, and recognition over the change of pose and light.",
        "A representation that knows people whatever the pose and light is high everywhere.",
    ),
    "shape_estimation": _Text(
        "shape",
        "Pictures of unseen people, their true faces, the estimated ones, and the mean face.",
        "Good: the estimated faces resemble the true ones more than the mean face does.",
    ),
    "sampled_people": _Text(
        "people",
        "Faces of people who do not exist, in several poses and lights.",
        "Good: each row is one person, and the rows differ.",
    ),
    "training": _Text(
        "training",
        "Losses over training steps.",
        "Validation, where there is any, is on identities that training does not see.",
    ),
}
_KINDS_OF_FACTORS = ("traversal", "rotation", "ordered")


def figures(paths: Iterable[Path]) -> dict[str, list[Element]]:
    """Section to the figures in it, embedded, in order.

    Args:
        paths: of PNG files, named as `figure_names` has it. One whose name says nothing
            is in the section `OTHERS`.

    Raises:
        UserError: if one cannot be read as a picture.
    """
    known = [(*_kind(path.stem), path) for path in paths]
    order = [*_TEXTS, ""]
    found: dict[str, list[Element]] = {}
    for kind, factor, path in sorted(known, key=lambda f: (order.index(f[0]), f[2].name)):
        name, paper_figure = without_number(path.stem)
        if kind:
            text = _TEXTS[kind]
            section = text.section
            alt, caption = (t.replace("{factor}", factor) for t in (text.alt, text.caption))
        else:
            section, alt, caption = OTHERS, display_name(name), display_name(name)
        if paper_figure is not None:
            caption = f"As Figure {paper_figure} of the paper. {caption}"
        found.setdefault(section, []).append(figure(path, alt=alt, caption=caption))
    return found


def is_known(name: str) -> bool:
    """Whether an evaluation makes figures of this name."""
    return bool(_kind(name)[0])


def _kind(name: str) -> tuple[str, str]:
    """Key of `_TEXTS`, or nothing, and the factor's name to read."""
    name, _ = without_number(name)
    kind, _, factor = name.partition("_")
    if kind in _KINDS_OF_FACTORS and factor:
        return kind, display_name(factor)
    return (name, "") if name in _TEXTS else ("", "")
