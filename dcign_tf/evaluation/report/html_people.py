"""What a run's scores say of people, as tables for `html_page`: see `html_scores`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element

from dcign_tf.evaluation.report.html_page import explained, paragraph, table
from dcign_tf.quantities import display_name, number

Scores = Mapping[str, Any]


def disentanglement(scores: Scores) -> list[Element]:
    """What the field measures."""
    if not (found := scores.get("disentanglement")):
        return []
    dci, factors = found["dci"], found["factors"]
    overall = [
        ("MIG", "Is each factor told by one latent alone?", found["mig"]["mig"], "0", "1"),
        ("SAP", "The same, of linear predictions.", found["sap"]["sap"], "0", "1"),
        (
            "DCI disentanglement",
            "Does each latent serve one factor?",
            dci["disentanglement"],
            "0",
            "1",
        ),
        ("DCI completeness", "Is each factor served by one latent?", dci["completeness"], "0", "1"),
        ("DCI error", "Can the factors be predicted at all?", dci["informativeness"], "1", "0"),
        (
            "FactorVAE",
            "Does the latent that stays put tell which factor was held?",
            found["factor_vae"]["factor_vae"],
            number(1 / len(factors), ".2f"),
            "1",
        ),
        (
            "modularity",
            "Does each latent tell of one factor only?",
            found["modularity"]["modularity"],
            "0",
            "1",
        ),
        (
            "explicitness",
            "Is each factor there to be read off linearly?",
            found["explicitness"]["explicitness"],
            "0.5",
            "1",
        ),
    ]
    per_factor = [
        ("MIG", found["mig"]["per_factor"]),
        ("SAP", found["sap"]["per_factor"]),
        ("DCI completeness", dci["completeness_per_factor"]),
        ("DCI error", dci["informativeness_per_factor"]),
        ("explicitness", found["explicitness"]["per_factor"]),
    ]
    return [
        paragraph(
            f"The whole code against {', '.join(map(display_name, factors))}, in"
            f" {found['num_images']:,} pictures of {found['num_identities']:,} people, all factors"
            " drawn independently. Identity 1 and so on are coefficients of the face model; no"
            " latent was meant for one of them alone."
        ),
        table(
            ["", "this run", "chance", "perfect"],
            [
                [explained(name, asks), number(own, ".3f"), *ends]
                for name, asks, own, *ends in overall
            ],
            caption="Chance: of a code that knows nothing, in very many pictures; in fewer it seems"
            " to know a little, and modularity most of all.",
        ),
        table(
            ["", *map(display_name, factors)],
            [[name, *(number(value, ".3f") for value in values)] for name, values in per_factor],
            caption="Factor by factor. DCI error: 0 is exact, 1 no better than guessing.",
        ),
    ]


def recognition(scores: Scores) -> list[Element]:
    """Whether people are known again."""
    if not (found := scores.get("recognition")):
        return []
    protocol = found["protocol"]
    rows = []
    for name, own in found["representations"].items():
        drawn = own["random_gallery"]["rank1"]
        spread = f"{_share(drawn['mean'])} ± {_share(drawn['std'])}"
        rows.append([name, _share(own["rank1"]), spread, _share(own["equal_error_rate"])])
    chance = _share(protocol["chance"])
    rows.append(["chance", chance, chance, _share(0.5)])
    return [
        paragraph(
            f"{protocol['num_probes']:,} pictures in any pose and light, each to be given to one of"
            f" {protocol['num_identities']:,} people never seen in training, of whom there is one"
            " picture each: the most frontal one, or any."
        ),
        table(
            ["told by", "right at once", "if the one picture is any", "equal error rate"],
            rows,
            caption=(
                "Right at once (rank 1): the most similar of the pictures is of the same person."
                " Equal error rate: are these two the same person? At the threshold where as many"
                " pairs of two people are taken for one as the other way round; 0% is perfect."
            ),
        ),
    ]


def shape(scores: Scores) -> list[Element]:
    """How well the form of the face is told."""
    if not (found := scores.get("shape")):
        return []
    rows = [
        ["estimated from one picture", found["vertex_error_mm"]],
        ["estimated from all pictures of a person", found["pooled_error_mm"]],
        ["always the mean face", found["mean_face_error_mm"]],
    ]
    return [
        paragraph(
            "The face model's coefficients, read off the code by a linear map fitted on"
            f" {found['num_fit_identities']:,} training identities; measured on"
            f" {found['num_identities']:,} others."
        ),
        table(
            ["", "mean vertex error"],
            [[name, number(length, ".2f", " mm")] for name, length in rows],
            caption=(
                "Mean distance between a point of the face and the same point of the true one. How"
                " large a head is cannot be seen in the pictures, and counts all the same."
            ),
        ),
    ]


def _share(value: float | None) -> str:
    return number(value, ".1%")
