"""Datasets: what makes them, what reads them, and batches in which one factor varies."""
