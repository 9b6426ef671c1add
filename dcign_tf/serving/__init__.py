"""A trained model as a SavedModel: its signatures, and what lies beside them."""
