"""Weights & Biases, and the CSV of logged numbers."""
