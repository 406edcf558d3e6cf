"""U-Nets, and the losses of their maps."""
