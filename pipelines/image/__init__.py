"""Image files: safe decoding to RGB pixels, preprocessing, and sanitising."""
