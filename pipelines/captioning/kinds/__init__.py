"""The kind of a picture: photo, screenshot, document, chart, drawing, meme, map or blank."""
