"""Whether a sample could be a real one."""
