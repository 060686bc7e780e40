"""Schemathesis asks every operation of the OpenAPI document, with valid and invalid data, and checks each answer.

schemathesis.toml says which checks are off for which operation, and why. `make fuzz` asks more, and other things each
time.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2

from tests.serving import serving, wait_for_queue

KEY = "a-key-that-ignored-auth-leaves-out"
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = max(3, int(os.environ.get("FUZZ_EXAMPLES", "0")) // 50)  # of each operation, beside those at all limits
PATIENCE = ["--request-timeout", "120"]  # seconds: kernels are inspected at idle priority, which a busy machine delays
VARIATION = [] if "FUZZ_EXAMPLES" in os.environ else ["--seed", "1", "--generation-deterministic"]


def ask_every_operation(url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("schemathesis"))
    asking = ["--header", f"Authorization: Bearer {KEY}", "--max-examples", str(EXAMPLES)]
    options = ["--continue-on-failure", "--no-color", *asking, *PATIENCE, *VARIATION]
    command = [program, "--config-file", str(CONFIG), "run", f"{url}/openapi.json", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3600, check=False)


def count_operations(http: httpx2.Client) -> int:
    return sum(len(methods) for methods in http.get("/openapi.json").json()["paths"].values())


def test_every_answer_is_as_the_document_says(tmp_path: Path) -> None:
    with serving(api_key=KEY) as service:
        service.http.headers["Authorization"] = f"Bearer {KEY}"
        wait_for_queue(service.http)
        run = ask_every_operation(service.url, tmp_path)
        operations = count_operations(service.http)
        health = service.http.get("/healthz").json()["status"]

    tested = re.search(r"Tested: (\d+)", run.stdout)
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
    assert tested is not None
    assert int(tested[1]) == operations
    assert health == "ok"
