"""Outgoing HTTP: images by URL and callbacks, to addresses that are checked at connect time."""
