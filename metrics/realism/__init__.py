"""Distances between sets of samples, and of samples to their neighbours."""
