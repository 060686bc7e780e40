"""What an image goes through: decoding, preprocessing, the pipelines and their results. Knows nothing of HTTP."""
