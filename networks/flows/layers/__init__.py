"""Layers of flows that have a log-determinant in closed form, one by one."""
