"""Trains the head that tells the kind of a picture, on pictures that are drawn here or that packages bring."""
