"""Every score that is shown: where it stands in scores.json, its name, and how to read it.

The screen, the pages, the model cards and comparisons are renderings of these rows
(`score_tables`). A new score is one more row, in the group of the table where it belongs.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dcign_tf.quantities import number

Interval = Sequence[float]
"""The lower and the upper bound."""


@dataclasses.dataclass(frozen=True)
class Score:
    """One score.

    Attributes:
        path: its keys in scores.json (docs/scores.md), from the root, with dots between them;
            `*` stands for a factor, or for a representation of people.
        title: of its row or column.
        sentence: what it means, or what it asks.
        best: of a perfect network, if there is such a value.
        chance: of a network that tells nothing; a function of the scores if it depends on them.
        form: as for `format`; three digits without one.
        unit: stands behind the number; None for that of its factor.
        signless: whether its sign means nothing, so that networks are compared by its size.
    """

    path: str
    title: str
    sentence: str
    best: float | None = None
    chance: float | Callable[[Mapping[str, Any]], float] | None = None
    form: str = ""
    unit: str | None = ""
    signless: bool = False

    def of(self, scores: Mapping[str, Any], each: str = "") -> float | None:
        """Its value, None if the scores have none.

        Args:
            scores: as in scores.json.
            each: the factor or representation, if there is a value for each.
        """
        value: Any = scores
        for key in self.path.split("."):
            value = value.get(each if key == "*" else key) if isinstance(value, Mapping) else None
        return value

    def interval_of(self, scores: Mapping[str, Any], each: str = "") -> Interval | None:
        """Its interval over identities, None if the scores have none; arguments as for `of`."""
        return scores.get("intervals", {}).get(self.path.replace("*", each))

    def size(self, value: float | None) -> float | None:
        """The value, without its sign where that means nothing."""
        return abs(value) if self.signless and value is not None else value

    def chance_of(self, scores: Mapping[str, Any]) -> float | None:
        """What a network that tells nothing would get."""
        return self.chance(scores) if callable(self.chance) else self.chance

    def text(self, value: float | None, unit: str = "", interval: Interval | None = None) -> str:
        """A value to read, – if it is not known; its interval, if it has one, in a second line.

        Args:
            value: of the score.
            unit: that of the factor.
            interval: bounds of the score, shown without unit.
        """
        text = number(value, self.form, unit if self.unit is None else self.unit)
        return f"{text}\n{self.bounds(interval)}" if interval else text

    def bounds(self, interval: Interval, form: str | None = None) -> str:
        """An interval to read, such as [.981, .991]; in the score's own form, or another."""
        texts = (number(bound, form or self.form) for bound in interval)
        short = (t.removesuffix("%") if "%" in t else re.sub(r"^(-?)0\.", r"\1.", t) for t in texts)
        return f"[{', '.join(short)}]"

    @property
    def explanation(self) -> str:
        """For below a table: the title, what it means and its range."""
        form = ".0%" if self.form.endswith("%") else "g"
        ends = {"is best": self.best, "is worth nothing": self.chance}
        scale = [f"{end:{form}} {what}" for what, end in ends.items() if isinstance(end, float)]
        told = "; ".join([self.sentence, ", ".join(scale)]) if scale else self.sentence
        return f"{self.title[0].upper()}{self.title[1:]}: {told}."


def _of_method(key: str, title: str, sentence: str, **more: Any) -> Score:
    return Score(f"rerendering.*.mse.{key}", title, sentence, form=".2e", **more)


def _of_pictures(key: str, title: str, sentence: str) -> Score:
    return Score(f"reconstruction_baselines.{key}", title, sentence, form=".4e")


def _of_code(key: str, title: str, asks: str, *, best=1.0, chance=0.0, **more: Any):
    return Score(f"disentanglement.{key}", title, asks, best, chance, ".3f", **more)


def _of_people(key: str, title: str, sentence: str, **more: Any) -> Score:
    return Score(f"recognition.representations.*.{key}", title, sentence, form=".1%", **more)


def _of_shape(key: str, title: str, sentence: str) -> Score:
    return Score(f"shape.{key}", title, sentence, form=".2f", unit=" mm")


READ = (
    Score(
        "factors.*.mean_absolute_error",
        "mean error",
        "how far off the value read off a picture is on average",
        form=".3g",
        unit=None,
    ),
    Score(
        "values.*.guessing_error",
        "guessing",
        "the mean error of always saying the mean value",
        form=".3g",
        unit=None,
    ),
    Score(
        "factors.*.median_absolute_error",
        "median error",
        "half of the pictures are read off better",
        form=".3g",
        unit=None,
    ),
    Score(
        "factors.*.far_off_share",
        "far off",
        "how often the reading is more than a quarter of the circle off",
        best=0.0,
        chance=0.5,
        form=".1%",
    ),
    Score("factors.*.r2_calibrated", "R²", "of the value read off", best=1.0, chance=0.0),
)
"""Of values read off a picture, by all latents of the factor, against the true ones."""
MEAN_ERROR, GUESSING, *_ = READ

FOLLOWED = (
    Score(
        "factors.*.spearman",
        "Spearman",
        "rank correlation, 1 or −1 if the latent rises or falls with the value throughout; the sign"
        " means nothing",
        chance=0.0,
        signless=True,
    ),
    Score("factors.*.pearson", "Pearson", "the same of a straight line", chance=0.0, signless=True),
    Score(
        "factors.*.circular_linear",
        "circular correlation",
        "needs no cut; a latent that tells the angle of a circle has 0.78",
        chance=0.0,
    ),
    Score(
        "factors.*.cut",
        "cut",
        "the angle at which the latent of a circle jumps. Pearson and Spearman count from there;"
        " errors are taken the shorter way round",
        unit=None,
    ),
)
"""Of a factor's latent, against the true values; of a factor that has several, nothing."""
CUT = FOLLOWED[-1]

NEW_VIEWS = (
    Score(
        "factors.*.novel_view_ratio",
        "error of the new view",
        "squared error against the true picture, over the error of leaving the given picture as it"
        " is",
        best=0.0,
        chance=1.0,
    ),
    Score("num_image_sweeps.*", "sweeps", "that were decoded", form=",d"),
)
"""Of pictures that take a factor's latent from another picture."""
NEW_VIEW_ERROR = NEW_VIEWS[0]

METHODS = (
    _of_method(
        "network",
        "network",
        "mean squared error against the true picture, grey values 0 to 1. It is to be well below"
        " those of the next two",
    ),
    _of_method("copy", "picture given", "that picture, left as it is"),
    _of_method("mean_image", "mean picture", "the mean training picture at that value"),
    _of_method("ceiling", "ceiling", "what it draws from the true picture itself"),
    _of_method("unchanged", "not turned", "what the network draws with the latent left alone"),
)
"""Of pictures re-rendered at a value, and of what else could be shown there."""
NETWORK, *_, CEILING, UNCHANGED = METHODS
NETWORK_OVER_GIVEN = Score(
    "rerendering.*.over_copy",
    "network / given",
    "the network's error over that of the picture given",
    best=0.0,
    chance=1.0,
)
"""Their quotient, which no file holds."""

ANSWERS = (
    Score("num_sweeps.*", "sweeps", "in which this factor alone varies", form=",d"),
    Score(
        "factors.*.selectivity",
        "selectivity",
        "how many times more the factor's own latent moves than while any other factor varies",
        chance=1.0,
    ),
    Score(
        "factors.*.own_share",
        "own share",
        "of all that moves in the code, the part in the factor's own latents",
        best=1.0,
        chance=0.0,
    ),
    Score(
        "factors.*.consistency",
        "consistency",
        "1 if the latent covers the same values whoever is seen, 0 if it stays put for each",
    ),
    Score(
        "factors.*.invariance",
        "invariance",
        "1 if no other latent moves, 0 if they move as much as between one person and the next",
    ),
)
"""Of the latents while one factor varies."""

RECONSTRUCTION = Score(
    "reconstruction_mse",
    "mean squared error",
    "of pictures decoded from their own codes, grey values 0 to 1",
    best=0.0,
    form=".4e",
)
SIMILARITIES = (
    Score(
        "reconstruction_psnr",
        "PSNR",
        "the mean of −10 log₁₀ of each picture's mean squared error, in dB",
        form=".1f",
        unit=" dB",
    ),
    Score(
        "reconstruction_ssim",
        "SSIM",
        "structural similarity in windows of 11×11 pixels: of edges and textures, more than of"
        " grey values",
        best=1.0,
        chance=0.0,
    ),
)
"""How alike such pictures and the true ones are, by what else is in use."""
RECONSTRUCTION_BASELINES = (
    _of_pictures(
        "principal_components",
        "principal components",
        "as many as the code has latents, of training pictures: the best that a linear code can do",
    ),
    _of_pictures("mean_image", "mean training picture", "always that one picture"),
    _of_pictures(
        "contrast",
        "plain grey",
        "each picture's own mean grey level; the variance of its pixels, which is what there is to"
        " draw",
    ),
)
"""Of pictures that no network draws, of the same pictures: what its error is to be held against."""

DISENTANGLEMENT = (
    _of_code("mig.mig", "MIG", "Is each factor told by one latent alone?"),
    _of_code("sap.sap", "SAP", "The same, of linear predictions."),
    _of_code("dci.disentanglement", "DCI disentanglement", "Does each latent serve one factor?"),
    _of_code("dci.completeness", "DCI completeness", "Is each factor served by one latent?"),
    _of_code(
        "dci.informativeness",
        "DCI error",
        "Can the factors be predicted at all?",
        best=0.0,
        chance=1.0,
    ),
    _of_code(
        "factor_vae.factor_vae",
        "FactorVAE",
        "Does the latent that stays put tell which factor was held?",
        chance=lambda scores: 1 / len(scores["disentanglement"]["factors"]),
    ),
    _of_code("modularity.modularity", "modularity", "Does each latent tell of one factor only?"),
    _of_code(
        "explicitness.explicitness",
        "explicitness",
        "Is each factor there to be read off linearly?",
        chance=0.5,
    ),
)
"""Of the whole code, against factors that are drawn independently."""

RANK1 = _of_people(
    "rank1",
    "rank 1",
    "how often the most similar of the pictures is of the same person",
    best=1.0,
    chance=lambda scores: scores["recognition"]["protocol"]["chance"],
)
RECOGNITION = (
    RANK1,
    dataclasses.replace(
        RANK1,
        path=RANK1.path.replace("rank1", "random_gallery.rank1.mean"),
        title="rank 1, any gallery",
        sentence="the same if the one picture of each person is any, not the most frontal",
    ),
    _of_people(
        "equal_error_rate",
        "equal error rate",
        "are these two the same person? Wrong answers at the threshold where as many pairs"
        " of two people are taken for one as the other way round",
        best=0.0,
        chance=0.5,
    ),
    _of_people("auc", "area under ROC", "the same over all thresholds", best=1.0, chance=0.5),
)
"""Of representations by which people are to be recognised."""

SHAPE = (
    _of_shape(
        "vertex_error_mm",
        "read out of one picture",
        "mean distance between a point of the face and the same point of the true one",
    ),
    _of_shape("pooled_error_mm", "read out of all pictures of a person", "the same"),
    _of_shape("mean_face_error_mm", "always the mean face", "the same"),
)
"""Of the form of the face."""

_OF_FACTORS = (*READ, *FOLLOWED, *NEW_VIEWS, *METHODS, *ANSWERS)
TITLES = {score.path.rpartition(".")[-1]: score.title for score in _OF_FACTORS}
"""The name of a score in `why_null` to its title."""
_ALL = (
    *READ,
    *FOLLOWED,
    *NEW_VIEWS,
    *ANSWERS,
    RECONSTRUCTION,
    *SIMILARITIES,
    *RECONSTRUCTION_BASELINES,
    *DISENTANGLEMENT,
    *RECOGNITION,
    *SHAPE,
)
BY_PATH = {score.path: score for score in _ALL}
"""All of them but the methods."""
