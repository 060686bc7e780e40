"""Form fields of PDFs: their labels, their values and states in the text of the page, and as pairs."""
