"""The HTTP routes, one noun a file. They translate; they do not think."""
