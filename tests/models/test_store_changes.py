"""The store when manifests change, records break, and several processes pull at once."""

import json
import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from models.errors import KernelSightError, ModelCorrupt
from models.manifest import Manifest
from models.store import Store
from tests.models.desk import CONTENT
from tests.models.file_server import FileServer
from tests.models.test_store import pulled_from
from tests.models.tiny_graphs import quiet
