"""Face recognition from any representation: who is this, and do these two show the same person?

The identities are ones that training never saw, and every image of theirs has a
pose and a light of its own, so that nothing but the person is common to two images
of one person. (Sweeps will not do: the images of one share all else.)

Protocol. The *gallery* holds one image of each identity, all other images are
*probes*. Two images are as similar as the cosine of the angle between their
representations, each feature of which has mean 0 and variance 1 over training images
(`standardised`); or as they are near, in Euclidean distance. *Identification*: a probe is
given the identity of the most similar gallery image; rank 1 is the share of probes that
are given their own. *Verification*: every pair of a probe and a gallery image is accepted
if it is more similar than a threshold, which runs through all values (the ROC curve).

`identities` are integers [N], of which there must be two, with a second image of one;
`similar` is what `similarity` gives, [N, N]; `gallery` holds the index of one image of
each identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import auc, roc_curve
from sklearn.metrics.pairwise import cosine_similarity, euclidean_distances

from dcign_tf.evaluation.metrics.arrays import mean
from dcign_tf.evaluation.metrics.bootstrap import bootstrap_intervals
from dcign_tf.evaluation.metrics.eigenimages import fit_components

METRICS = ("cosine", "euclidean")
FALSE_ACCEPTANCE_RATES = np.concatenate([[0.0], np.geomspace(1e-3, 1, 61)])
"""Where the ROC curve is tabulated."""
COMPONENTS = " principal components"
"""Behind how many of them a representation is."""
LESS_POSE = ", less what a pose leaves"
"""Behind the name of latents out of which `readouts.scene.less_pose` has taken it."""
LESS_WITHIN = ", less what varies within people"
"""Behind the name of a representation to which `less_within` was applied."""

_HEADLINE = ("rank1", "equal_error_rate", "auc")


def recognition_scores(
    representations: Mapping[str, np.ndarray],
    identities: np.ndarray,
    angles_deg: Mapping[str, np.ndarray],
    *,
    metric: str = "cosine",
    num_random: int = 10,
    seed: int = 0,
    bins: int = 4,
) -> dict[str, Any]:
    """Rank 1, equal error rate and ROC of several representations of the same images.

    Scored with the gallery of each identity's most frontal, most frontally lit image
    (`frontal_gallery`), and with galleries drawn at random.

    Args:
        representations: name to features [N, D]; see `standardised` and `pca_features`.
        identities: of the images, integers [N].
        angles_deg: name (`azimuth_deg`) to that angle of pose or light in each image, [N].
        metric: `"cosine"` or `"euclidean"`.
        num_random: how many random galleries.
        seed: of these.
        bins: into so many equal parts is each angle's largest change divided.

    Returns:
        `protocol`: metric, counts, seed, and `chance`, the rank 1 of guessing;
        `representations`: name to `rank1`, `equal_error_rate`, `auc`,
        `true_acceptance_rate` (the ROC at `FALSE_ACCEPTANCE_RATES`, which stand in the
        protocol), `random_gallery` (mean and standard deviation over the random
        galleries, of the first three), `rank1_by_change`: for each angle `edges`
        [bins + 1], `rank1` and `num_probes` [bins], by how far the probe's angle is
        from that of the same person's gallery image, and `intervals`, `rank1` and
        `random_gallery.rank1.mean` to their bounds (`bootstrap_intervals`), drawing the people
        of the probes; the galleries stay. Rank 1 of no probe is NaN.
    """
    identities = np.asarray(identities)
    gallery = frontal_gallery(identities, list(angles_deg.values()))
    rng = np.random.default_rng(seed)
    random_galleries = [random_gallery(identities, rng) for _ in range(num_random)]
    probes, position = _probes(identities, gallery)
    changes = {
        name: np.abs(np.asarray(angle)[probes] - np.asarray(angle)[gallery[position]])
        for name, angle in angles_deg.items()
    }
    scores = {}
    for name, features in representations.items():
        similar = similarity(features, metric)
        recognised, roc = _recognised(similar, identities, gallery)
        random_runs = [_recognised(similar, identities, drawn) for drawn in random_galleries]
        scores[name] = {
            **{score: roc[score] for score in _HEADLINE},
            "true_acceptance_rate": np.interp(
                FALSE_ACCEPTANCE_RATES, roc["false_acceptance"], roc["true_acceptance"]
            ).tolist(),
            "random_gallery": _spread([headline for _, headline in random_runs]),
            "rank1_by_change": {
                angle: _binned(recognised, change, bins) for angle, change in changes.items()
            },
            "intervals": {
                "rank1": _interval(identities, [gallery], [recognised]),
                "random_gallery.rank1.mean": _interval(
                    identities, random_galleries, [drawn for drawn, _ in random_runs]
                ),
            },
        }
    return {
        "protocol": {
            "metric": metric,
            "num_identities": len(gallery),
            "num_probes": len(probes),
            "num_random": num_random,
            "seed": seed,
            "chance": 1 / len(gallery),
            "false_acceptance_rate": FALSE_ACCEPTANCE_RATES.tolist(),
        },
        "representations": scores,
    }


def can_be_scored(identities: np.ndarray) -> bool:
    """Whether there are two identities, and a second image of one."""
    return 1 < len(np.unique(identities)) < np.size(identities)


def frontal_gallery(identities: np.ndarray, angles_deg: Sequence[np.ndarray]) -> np.ndarray:
    """Of each identity the image nearest to all angles being 0: a passport photograph.

    Near is a small sum of squares, each angle in units of its root mean square over all
    images, so that one that ranges further does not count for more.

    Args:
        identities: [N].
        angles_deg: angles of pose and light, [N] each; 0 is frontal.

    Returns:
        Indices into the images, one an identity, in ascending order of identity.
    """
    identities = _checked_identities(identities)
    far = np.zeros(len(identities))
    for angle in angles_deg:
        squares = np.asarray(angle, np.float64) ** 2
        if squares.shape != far.shape:
            raise ValueError(f"Angles {squares.shape} do not fit {far.shape} identities.")
        if squares.any():
            far += squares / squares.mean()
    order = np.lexsort((far, identities))
    return order[np.unique(identities[order], return_index=True)[1]]


def random_gallery(identities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Of each identity an image at random; see `frontal_gallery`."""
    shuffled = rng.permutation(len(_checked_identities(identities)))
    return shuffled[np.unique(np.asarray(identities)[shuffled], return_index=True)[1]]


def similarity(features: np.ndarray, metric: str = "cosine") -> np.ndarray:
    """How similar each pair of images is: [N, N], larger is more so.

    Args:
        features: [N, D].
        metric: `"cosine"`, in [-1, 1], 0 with a vector of zeros; or `"euclidean"`,
            the distance, negative.

    Raises:
        ValueError: for another metric, or features that are no finite table.
    """
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or not features.size or not np.isfinite(features).all():
        raise ValueError(f"Features {features.shape} must be a finite table [images, features].")
    # Rounded: products of equal vectors differ in their last bits, but are to be a tie.
    if metric == "cosine":
        return np.round(cosine_similarity(features), 12)
    if metric == "euclidean":
        squares = euclidean_distances(features, squared=True)
        largest = squares.max() or 1.0
        return -np.sqrt(np.round(squares / largest, 12) * largest)
    raise ValueError(f"Unknown metric '{metric}'; it is one of {', '.join(METRICS)}.")


def identify(similar: np.ndarray, identities: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Which probes are given their own identity: their mean is rank 1.

    Returns:
        [probes], in the order of the images: 1 if right, 0 if not; where n gallery
        images are most similar alike and the right one is among them, 1/n, which is
        what choosing one of them at random earns.
    """
    table, position = _probe_table(similar, identities, gallery)
    best = table == table.max(axis=1, keepdims=True)
    return best[np.arange(len(table)), position] / best.sum(axis=1)


def verify(similar: np.ndarray, identities: np.ndarray, gallery: np.ndarray) -> dict[str, Any]:
    """The ROC curve of telling pairs of one person from pairs of two.

    Returns:
        `false_acceptance` and `true_acceptance`: the curve's corners, from (0, 0) to
        (1, 1); `equal_error_rate`, where as many pairs of two people are accepted, in
        parts of all such, as pairs of one are not; `auc`, the area below the curve: the
        chance that a pair of one person is more similar than a pair of two.
    """
    table, position = _probe_table(similar, identities, gallery)
    same = position[:, np.newaxis] == np.arange(len(gallery))
    false_rate, true_rate, _ = roc_curve(same.ravel(), table.ravel())
    return {
        "false_acceptance": false_rate,
        "true_acceptance": true_rate,
        # On the straight pieces between the corners.
        "equal_error_rate": float(np.interp(1, false_rate + true_rate, false_rate)),
        "auc": float(auc(false_rate, true_rate)),
    }


def standardised(features: np.ndarray, fit: np.ndarray) -> np.ndarray:
    """Features [N, D], less the mean and over the standard deviation of training images' [M, D].

    Without the mean the cosine between two faces would be next to 1, as they have the
    mean face in common; without the rest few features would outweigh all others. A
    feature that is constant over the training images is 0.
    """
    spread = np.std(fit, axis=0)
    return (np.asarray(features) - np.mean(fit, axis=0)) / np.where(spread > 0, spread, np.inf)


def less_within(
    features: np.ndarray, fit: np.ndarray, fit_identities: np.ndarray
) -> np.ndarray | None:
    """What features [N, D] tell of the person: less what varies between pictures of one.

    Where each person stands, and how pictures scatter about it, is taken for Gaussian, as in
    probabilistic linear discriminant analysis (Ioffe 2006; Prince and Elder 2007). Found is
    where the person of a picture is to be expected, in units in which anyone's pictures scatter
    by 1 in all directions: each direction shrunk to the share of its variance that is people's.

    Args:
        features: of mean 0, see `standardised`.
        fit: of training images, likewise, [M, D].
        fit_identities: of these, [M].

    Returns:
        [N, D]; None if no training identity is seen twice, or there is one alone.
    """
    _, person, count = np.unique(fit_identities, return_inverse=True, return_counts=True)
    sums = np.zeros((len(count), fit.shape[1]))
    np.add.at(sums, person, fit)
    means = sums / count[:, None]
    scatter = (fit - means[person])[count[person] > 1]
    if not len(scatter) or len(count) < 2:
        return None
    within, _ = ledoit_wolf(scatter, assume_centered=True)
    within *= len(scatter) / (len(scatter) - (count > 1).sum())  # about means of those pictures
    # Beside a variance of 1 nothing, but enough where people's pictures do not differ at all.
    root = np.linalg.cholesky(within + 1e-6 * np.eye(len(within)))
    # A mean of n pictures has an n-th of their variance besides.
    between = np.cov(np.linalg.solve(root, means.T)) - np.mean(1 / count) * np.eye(len(within))
    variance, directions = np.linalg.eigh(between)
    variance = np.maximum(variance, 0)
    scaled = np.linalg.solve(root, np.asarray(features).T).T
    return scaled @ (directions * (variance / (1 + variance)))


def pca_features(
    images: np.ndarray, fit_images: np.ndarray, num_components: int, *, seed: int = 0
) -> np.ndarray:
    """Principal components of images, whitened: eigenfaces (Turk and Pentland 1991).

    Whitened is `standardised`: each component is divided by its standard deviation over
    the training images, so that those few that hold most of light and pose do not
    outweigh the rest.

    Args:
        images: [N, ...].
        fit_images: of other identities, [M, ...], from which mean and components come.
        num_components: at most; no more than M or than an image has pixels.
        seed: of the randomised decomposition.

    Returns:
        [N, components].
    """
    components = fit_components(fit_images, num_components, seed=seed)
    return components.transform(images.reshape(len(images), -1))


def _recognised(
    similar: np.ndarray, identities: np.ndarray, gallery: np.ndarray
) -> tuple[np.ndarray, dict[str, Any]]:
    """What `identify` gives; and what `verify` gives, with `rank1`."""
    recognised = identify(similar, identities, gallery)
    return recognised, {"rank1": float(recognised.mean()), **verify(similar, identities, gallery)}


def _interval(
    identities: np.ndarray, galleries: Sequence[np.ndarray], recognised: Sequence[np.ndarray]
) -> tuple[float, float]:
    """Of rank 1, over galleries that stay as they are: the people of the probes are drawn."""
    none = np.zeros(0)
    probes = np.concatenate([none, *(np.delete(identities, gallery) for gallery in galleries)])
    right = np.concatenate([none, *recognised])
    return bootstrap_intervals(probes, {"rank1": lambda drawn: mean(right[drawn])})["rank1"]


def _spread(headlines: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Mean and standard deviation of each score; NaN where there are too few."""
    spread = {}
    for name in _HEADLINE:
        values = np.array([headline[name] for headline in headlines])
        spread[name] = {
            "mean": float(values.mean()) if len(values) else np.nan,
            "std": float(values.std(ddof=1)) if len(values) > 1 else np.nan,
        }
    return spread


def _binned(recognised: np.ndarray, change: np.ndarray, bins: int) -> dict[str, list]:
    edges = np.linspace(0, change.max(), bins + 1)
    which = np.clip(np.searchsorted(edges, change, side="right") - 1, 0, bins - 1)
    counts = np.bincount(which, minlength=bins)
    sums = np.bincount(which, recognised, minlength=bins)
    rank1 = np.divide(sums, counts, out=np.full(bins, np.nan), where=counts > 0)
    return {"edges": edges.tolist(), "rank1": rank1.tolist(), "num_probes": counts.tolist()}


def _probe_table(
    similar: np.ndarray, identities: np.ndarray, gallery: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How similar each probe is to each gallery image, and `_probes`' positions."""
    probes, position = _probes(identities, gallery)
    if similar.shape != (len(identities),) * 2:
        raise ValueError(f"Similarities {similar.shape} do not fit {len(identities)} images.")
    return similar[np.ix_(probes, gallery)], position


def _probes(identities: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of all other images, and for each the position of its identity in the gallery."""
    identities = _checked_identities(identities)
    enrolled, position = np.unique(identities[gallery], return_index=True)
    if len(enrolled) != len(gallery) or not np.array_equal(enrolled, np.unique(identities)):
        raise ValueError("The gallery must hold one image of each identity.")
    probes = np.setdiff1d(np.arange(len(identities)), gallery)
    return probes, position[np.searchsorted(enrolled, identities[probes])]


def _checked_identities(identities: np.ndarray) -> np.ndarray:
    identities = np.asarray(identities)
    if identities.ndim != 1 or not can_be_scored(identities):
        raise ValueError(
            f"{identities.shape} images of {len(np.unique(identities))} identities: recognition"
            " needs two identities and a second image of one."
        )
    return identities
