"""Data that is drawn, and so known exactly; no download."""
