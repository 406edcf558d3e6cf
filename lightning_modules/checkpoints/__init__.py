"""Models from files that may come from anywhere."""
