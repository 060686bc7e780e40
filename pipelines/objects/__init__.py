"""Objects of 80 everyday classes: where they are, and what may be said about the picture as a fact."""
