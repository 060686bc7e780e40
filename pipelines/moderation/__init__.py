"""Upload moderation: each signal scores an image in its own way, and a policy turns the scores into one verdict."""
