"""Every figure: what its file is called, in which section it stands, and how to read it.

A file's name says what is drawn and of which factor, `traversal_azimuth`. Before it stands
the number of the figure of the paper that shows the same of the same kind of data:
`figure_5_traversal_azimuth`. Of data that the paper does not have no figure is its.
What draws each of them is in `evaluation.drawing`, `worst`, `people` and `compare`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from dcign_tf.files import safe_name
from dcign_tf.quantities import display_name


@dataclasses.dataclass(frozen=True)
class FigureKind:
    """What is drawn once, or once for each factor; then `{factor}` in a text is its name.

    Attributes:
        section: of the report (`report/templates/report.html`), or `comparison`.
        alt: what it shows, for those who cannot see it.
        caption: what to look for.
        of_factors: whether there is one for each factor.
    """

    section: str
    alt: str
    caption: str
    of_factors: bool = False


FIGURES: Mapping[str, FigureKind] = {
    "equivariance": FigureKind(
        "values",
        "Scatter plots of the inferred latent against the true value, one for each factor.",
        "A latent that tells its factor is a narrow band that rises or falls throughout; several"
        " are a band in the order of the colours, closed if the factor is a circle. A cloud tells"
        " nothing.",
    ),
    "worst_readings": FigureKind(
        "values",
        "Rows of pictures, one for each factor, with their true values and those read off them.",
        "The pictures that are read worst, each of another identity. Good: hard to tell for the eye"
        " too, or hardly off at all.",
    ),
    "ordered": FigureKind(
        "values",
        "Rows of pictures in the order of the latent of {factor}.",
        "There are no true values of {factor} to compare with. If its latent follows it, the"
        " pictures of each row are in its order.",
        of_factors=True,
    ),
    "traversal": FigureKind(
        "views",
        "Rows of pictures, {factor} changed from left to right.",
        "One factor's latents are changed, the others are those of the picture on the left, less"
        " what its {factor} left in them where that is known. Good: {factor} changes evenly, and"
        " the person stays the same.",
        of_factors=True,
    ),
    "rotation": FigureKind(
        "views",
        "Objects turned to given angles, below their true pictures.",
        "Good: the decoded rows show the true ones' angles, and the object given. What the given"
        " view hides has to be guessed.",
        of_factors=True,
    ),
    "rerendering": FigureKind(
        "views",
        "Curves of the squared error over the size of the change, one panel for each factor.",
        "Good: the network's curve lies far below that of the picture given, and rises little.",
    ),
    "novel_views": FigureKind(
        "views",
        "Triples of pictures: given, asked for, decoded.",
        "The latent of one factor is taken from the picture asked for, everything else from the"
        " picture given.",
    ),
    "movement": FigureKind(
        "answers",
        "A table of colours: variance of each latent group while each factor varies.",
        "Dark on the diagonal and pale elsewhere: each latent moves for its own factor alone."
        " Intrinsic latents are many, and each moves little.",
    ),
    "sweeps": FigureKind(
        "answers",
        "The values of each factor's latent in single sweeps, side by side.",
        "Columns of the same height and place: the latent means the same whoever is seen.",
    ),
    "reconstructions": FigureKind(
        "reconstruction",
        "Pictures that are not trained on, and below each what its code decodes to.",
        "All that the decoder draws it draws from the code: what is lost here, no turning brings"
        " back.",
    ),
    "worst_reconstructions": FigureKind(
        "reconstruction",
        "Pictures with the largest errors, and below each what its code decodes to.",
        "The pictures that are drawn worst, each of another identity.",
    ),
    "recognition": FigureKind(
        "recognition",
        "ROC curves of each representation, and recognition over the change of pose and light.",
        "A representation that knows people whatever the pose and light is high everywhere.",
    ),
    "shape_estimation": FigureKind(
        "shape",
        "Pictures of unseen people, their true faces, the estimated ones, and the mean face.",
        "Good: the estimated faces resemble the true ones more than the mean face does.",
    ),
    "sampled_people": FigureKind(
        "people",
        "Faces of people who do not exist, in several poses and lights.",
        "Good: each row is one person, and the rows differ.",
    ),
    "training": FigureKind(
        "training",
        "Losses over training steps.",
        "Validation, where there is any, is on pictures that training does not see.",
    ),
    "comparison": FigureKind(
        "comparison",
        "Curves of the squared error over the size of the change, one colour for each network.",
        "Squared error over how far the picture is turned, of all networks.",
    ),
    "entangled": FigureKind(
        "comparison",
        "Rows of pictures: given, true, and drawn by each network.",
        "The same pictures turned and relit by each network.",
    ),
}
"""By what they draw, in the order in which they are shown."""

COMPARISON_NUMBERS = {"entangled": 7}
"""The paper's number of a figure that compares networks, whatever the data."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A PNG file to be shown.

    Attributes:
        path: where it is.
        alt: what it shows, for those who cannot see it.
        caption: how to read it.
        section: of the report where it stands; empty if the catalogue does not have it.
    """

    path: Path
    alt: str
    caption: str
    section: str = ""


def of_factor(kind: str, factor: str) -> str:
    """`traversal` and `azimuth` in one name; a factor may be called anything, a file may not."""
    return f"{kind}_{safe_name(factor)}"


def numbered(name: str, numbers: Mapping[str, int]) -> str:
    """The name with the paper's number before it, if it has one."""
    return f"figure_{numbers[name]}_{name}" if name in numbers else name


def pictures(
    directory: Path, factors: Iterable[str], numbers: Mapping[str, int]
) -> Iterator[Picture]:
    """Yields the figures of the catalogue that are in a directory, in order.

    Args:
        directory: of an evaluation or a comparison.
        factors: that it has figures of, as in its scores.
        numbers: names of figures to their numbers in the paper. A file is found without, too.
    """
    factors = list(factors)
    for key, kind in FIGURES.items():
        for factor in factors if kind.of_factors else [""]:
            name = of_factor(key, factor) if factor else key
            told = display_name(factor)
            alt, caption = (text.replace("{factor}", told) for text in (kind.alt, kind.caption))
            for file_name in dict.fromkeys([numbered(name, numbers), name]):
                path = directory / f"{file_name}.png"
                if path.exists():
                    is_papers = file_name != name
                    source = f"As Figure {numbers[name]} of the paper. " if is_papers else ""
                    yield Picture(path, alt, source + caption, kind.section)
