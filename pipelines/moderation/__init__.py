"""Upload moderation: signals read one image each in their own way, a policy makes one verdict of them."""
