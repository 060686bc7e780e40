"""CLIP: images and texts in one space, and tags from labels that the operator writes."""
