"""Marks for tests that need files which not every machine can fetch."""

import pytest

from models.registry import Catalog
from models.store.store import Store
from service.settings import load_settings

needs_yunet = pytest.mark.skipif(
    Store(load_settings().models.store).state(Catalog.load().get("yunet")) != "ready",
    reason="YuNet's upstream could not be reached when the models were pulled",
)
