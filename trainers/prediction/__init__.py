"""What `trainers.predict` does: a SavedModel's answers to many cutouts, in one table."""
