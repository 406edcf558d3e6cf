"""Pictures from files of any kind."""
