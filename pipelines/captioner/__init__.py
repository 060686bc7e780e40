"""Descriptions of pictures by a vision model elsewhere: asked, cached, and checked against what our detectors found."""
