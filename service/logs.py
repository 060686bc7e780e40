"""Log lines on stderr, all in one format."""

import logging


def configure(level: str) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s", force=True)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
