"""What the answers say of themselves: distributions of scores and of pictures, and how far they drift."""
