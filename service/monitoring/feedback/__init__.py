"""What people say of results: right or wrong, and what would have been right."""
