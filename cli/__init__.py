"""What the two command lines need to understand what is typed, and to answer it."""
