"""What is measured and shown while a model trains."""
