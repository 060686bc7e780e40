"""The HTTP routes, one noun a file: they translate HTTP to operations and back."""
