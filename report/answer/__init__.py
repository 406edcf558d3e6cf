"""The first screen: the answer before the numbers."""
