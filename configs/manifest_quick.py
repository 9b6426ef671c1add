"""Your own pictures on 2 CPU cores.

    python train.py --dataset=manifest --preset=quick --data_dir=DIR

With one factor batch of 20 images a step, as this preset had it, the 2,414 pictures that
`docs/make_manifest_example.py DIR --people=38` makes took 12 minutes on 2 cores (AMD EPYC, Zen 4);
on unseen people |Spearman| was 0.998 for the light's azimuth, 0.971 for its elevation. With eight
of four it has not been run on them.
What departs from the paper is what `faces_quick.py` gives reasons for.
"""

import ml_collections

from dcign_tf.datasets.manifest.settings import QUICK

from . import faces_quick, manifest_paper


def get_config() -> ml_collections.ConfigDict:
    """The config; `--config.x.y=…` overrides any of it."""
    config = faces_quick.get_config()
    paper = manifest_paper.get_config()
    config.dataset = paper.dataset
    del config.face_model
    config.data = paper.data
    config.data.update(QUICK)
    # Of trials with one factor batch a step; Muon has not been tried on one's own pictures.
    config.observation_stddev = 0.1
    config.invariance_weight = 60.0
    config.optimizer.name = "adam"
    # (Each factor, intrinsic): people's pictures differ in few factors, as a rule.
    config.factor_ratios = ((0, (1, 2)), (1240, (1, 1)))
    return config
