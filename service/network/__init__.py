"""Outgoing HTTP: images fetched by URL, with addresses checked where connections are made."""
