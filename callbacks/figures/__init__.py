"""Measurements that are pictures first."""
