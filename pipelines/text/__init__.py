"""Text in pictures: a look at low resolution, and what is found there read within a budget."""
