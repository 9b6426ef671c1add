"""The experiments: `<dataset>_<preset>.py`, each with `get_config()`; `dcign_tf.configs` to Python."""
