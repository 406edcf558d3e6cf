"""Every search of a run, to filter and open."""
