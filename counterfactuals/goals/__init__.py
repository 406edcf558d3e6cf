"""What a search wants: objectives, targets, distances, and what must not change."""
