"""Models that come from elsewhere: other libraries, and files."""
