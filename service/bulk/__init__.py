"""Batch moderation: any number of images to one row each, on this machine or on a Ray cluster."""
