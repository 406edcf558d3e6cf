"""What is in which file, as people have their folders."""
