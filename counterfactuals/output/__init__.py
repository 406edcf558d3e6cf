"""Counterfactuals as a figure, as words for people, and as a file."""
