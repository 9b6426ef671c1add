"""The experiments, each a module `<dataset>_<preset>`; to Python they are `dcign_tf.configs`."""
