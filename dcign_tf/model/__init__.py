"""The networks and the procedure, on Keras with TensorFlow."""

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"dcign_tf needs Keras on TensorFlow, and it runs on {keras.backend.backend()}: set"
        " KERAS_BACKEND=tensorflow in the environment, or the backend in ~/.keras/keras.json."
    )
