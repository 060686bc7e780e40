"""Processes that run native libraries on strangers' bytes: limited, without secrets, files or network."""
