"""Trains a DC-IGN: `dcign-tf train`, for whoever has a checkout.

python train.py --dataset=faces
"""

import sys

from dcign_tf.cli import running
from dcign_tf.cli.train import train

if __name__ == "__main__":
    running.run(train, "train.py", sys.argv[1:])
