"""How long a step of a search is, and where it goes."""
