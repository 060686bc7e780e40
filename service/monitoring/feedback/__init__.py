"""Feedback of people on results: whether an answer was right, and what the right answer would have been."""
