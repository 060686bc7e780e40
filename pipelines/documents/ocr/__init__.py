"""OCR: finds the lines of a page, turns it upright, and recognises every line."""
