"""The folder that an explain run leaves, as a format: nothing here searches, and nothing needs a Lightning module."""
