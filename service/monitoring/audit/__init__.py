"""What was decided, on what grounds: a record of each result, kept for a while, without pixels or text."""
