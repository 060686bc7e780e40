"""The probe with a folder that it may read."""

from pathlib import Path

from pipelines.confinement.child import serve_requests
from tests.pipelines.confinement.probe_process import handle_request

READABLE = Path("/usr/share")

if __name__ == "__main__":
    serve_requests(handle_request, readable=[READABLE])
