"""Log lines on stderr, all in one format."""

import logging
import warnings


def configure(level: str) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s  %(message)s", force=True)
    # Pillow warns of damaged metadata, in the uploader's own words: that is no news, and no text for a log.
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
