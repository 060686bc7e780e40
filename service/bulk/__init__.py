"""Bulk runs: moderate any number of images, one row each, on this machine or on a Ray cluster."""
