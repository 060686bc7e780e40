"""OCR: finds the lines of a page, makes it upright, and recognises every line."""
