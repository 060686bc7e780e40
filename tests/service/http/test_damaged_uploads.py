"""A running service answers every damaged file: no status 5xx, no wait beyond the limits, the same process after it.

`make fuzz` sends FUZZ_EXAMPLES files (4,000) of all formats and half as many again of HEIC, others in each run.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import httpx2
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.pipelines.documents.pdf.pdf_parts import divide_pdf
from tests.pipelines.documents.pdf.varied_pdfs import make_varied_pdfs
from tests.pipelines.image.file_parts import DividedFile
from tests.pipelines.image.part_damage import PART_EDITS, PartEdit, damage
from tests.pipelines.image.sound_files import DIVIDED, FILES
from tests.serving import Service, problem_code

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "160"))
IS_FUZZING = "FUZZ_EXAMPLES" in os.environ
SENDERS, BATCH = 4, 16  # callers at once; files of one of hypothesis' examples
# KERNELSIGHT_REQUEST_SECONDS is 30. A page of a PDF has 20 s for its size, and 20 to be drawn.
IMAGE_SECONDS, DOCUMENT_SECONDS = 35.0, 180.0

# From the highest memory of a run's first third to the lowest of its last: heaps swing by 200 MiB from round to round.
GROWTH_BYTES = 64 << 20
ABSENT = ("pipeline-unavailable", "queue-unavailable")  # models that are not in the store; the queue is starting

PDFS = make_varied_pdfs()
SOUND = {"HEIC": FILES["HEIC"], "TIFF": FILES["TIFF"], "PDF": PDFS["text"]}
PARTS: dict[str, list[DividedFile]] = DIVIDED | {
    "PDF": [divide_pdf(data, table) for data in PDFS.values() for table in ("classic", "stream")]
}
IMAGE_PATHS = ["/v1/sanitize", "/v1/sanitize", "/v1/features", "/v1/analyze?pipelines=moderation"]
PATHS = {
    "TIFF": [*IMAGE_PATHS, "/v1/documents?ocr=never"],
    "PDF": ["/v1/documents?dpi=50&ocr=never", "/v1/documents?dpi=50", "/v1/analyze?pipelines=moderation"],
}


@dataclass(frozen=True)
class Upload:
    """`file` counts through the format's sound files, and `path` through its routes."""

    format: str
    file: int
    path: int
    edits: list[PartEdit]

    @property
    def url(self) -> str:
        paths = PATHS.get(self.format, IMAGE_PATHS)
        return paths[self.path % len(paths)]

    @property
    def data(self) -> bytes:
        files = PARTS[self.format]
        return damage(files[self.file % len(files)], self.edits)


@dataclass(frozen=True)
class RoutedUpload(Upload):
    route: str

    @property
    def url(self) -> str:
        return self.route


@dataclass
class UploadTally:
    """Answers by format, status and problem; the slowest one; and what must not be."""

    answers: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def send(self, service: Service, upload: Upload) -> None:
        is_document = upload.url.startswith("/v1/documents")
        start = perf_counter()
        try:
            reply = service.http.post(
                upload.url, files={"file": upload.data}, timeout=DOCUMENT_SECONDS if is_document else IMAGE_SECONDS
            )
        except httpx2.HTTPError as error:
            self.failures.append(f"{error!r}: {upload}")
            return
        self.slowest_seconds = max(self.slowest_seconds, perf_counter() - start)
        problem = "" if reply.status_code < 300 else read_problem(reply)
        self.answers[upload.format, reply.status_code, problem] += 1
        if reply.status_code >= 500 and problem not in ABSENT:
            self.failures.append(f"{reply.status_code} {reply.text}: {upload}")

    def __str__(self) -> str:
        rows = [f"{count:6} {' '.join(map(str, key))}" for key, count in sorted(self.answers.items())]
        return "\n".join([*rows, f"slowest answer: {self.slowest_seconds:.1f} s"])


def read_problem(reply: httpx2.Response) -> str:
    """The code of an error, also in OpenAI's form."""
    error = reply.json().get("error")
    return problem_code(reply) if error is None else str(error["code"])


def uploads(formats: list[str]) -> st.SearchStrategy[Upload]:
    index = st.integers(0, 9_999)
    return st.builds(Upload, st.sampled_from(formats), file=index, path=index, edits=PART_EDITS)


@pytest.mark.parametrize(
    ("formats", "count"), [(["HEIC"], EXAMPLES * 3 // 2), ([name for name in PARTS if name != "HEIC"], EXAMPLES)]
)
def test_no_damaged_file_fails_the_service(
    service: Service, formats: list[str], count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tally, start = UploadTally(), perf_counter()

    # Failures are counted, and neither made smaller nor repeated: each may take a decoder's whole time.
    @settings(max_examples=count // BATCH, phases=[Phase.generate], derandomize=not IS_FUZZING, database=None)
    @given(batch=st.lists(uploads(formats), min_size=BATCH, max_size=BATCH))
    def send(batch: list[Upload]) -> None:
        list(senders.map(lambda upload: tally.send(service, upload), batch))

    with ThreadPoolExecutor(SENDERS) as senders:
        send()

    if IS_FUZZING:
        with capsys.disabled():
            print(f"\n{tally}\nin all {perf_counter() - start:.0f} s; decoders ended so far: {decoder_deaths(service)}")
    assert tally.failures == []
    assert tally.answers.total() >= count // BATCH * BATCH
    assert service.process.poll() is None
    assert service.http.get("/healthz").json()["status"] == "ok"
    assert answers_to_sound_files(service) == dict.fromkeys(SOUND, 200)


def test_no_damaged_file_fails_any_route(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged file of each format in turn for each route that takes one, often enough to see whether memory grows."""
    tally, routes = UploadTally(), upload_routes(service)
    rounds = max(1, (EXAMPLES if IS_FUZZING else 0) // (len(routes) * len(PARTS)))
    memory = list[int]()

    @settings(max_examples=rounds, phases=[Phase.generate], derandomize=not IS_FUZZING, database=None, deadline=None)
    @given(file=st.integers(0, 9_999), edits=st.lists(PART_EDITS, min_size=len(PARTS), max_size=len(PARTS)))
    def send(file: int, edits: list[list[PartEdit]]) -> None:
        each = [
            RoutedUpload(format, file + at, 0, damage_of_it, route)
            for at, (format, damage_of_it) in enumerate(zip(PARTS, edits, strict=True))
            for route in routes
        ]
        list(senders.map(lambda upload: tally.send(service, upload), each))
        memory.append(resident_bytes(service))

    with ThreadPoolExecutor(SENDERS) as senders:
        send()

    if IS_FUZZING:
        with capsys.disabled():
            print(f"\n{tally}\n{tally.answers.total()} files; MiB by round: {[one >> 20 for one in memory]}")
        third = len(memory) // 3
        assert min(memory[-third:]) < max(memory[: third + 1]) + GROWTH_BYTES
    assert tally.failures == []
    assert len(routes) >= 10
    assert tally.answers.total() == len(memory) * len(routes) * len(PARTS)
    assert answers_to_sound_files(service) == dict.fromkeys(SOUND, 200)


def upload_routes(service: Service) -> list[str]:
    """The paths that take one image or document in a form, by the service's own account."""
    paths = service.http.get("/openapi.json").json()["paths"]
    forms = {
        path: methods["post"].get("requestBody", {}).get("content", {}).get("multipart/form-data", {})
        for path, methods in paths.items()
        if "post" in methods and "{" not in path
    }
    return [path for path, form in forms.items() if form and path not in ("/v1/files", "/v1/categories")]


def resident_bytes(service: Service) -> int:
    """Of the service's own process; its confined ones end and begin."""
    fields = Path(f"/proc/{service.process.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(("format", "module"), [("TIFF", b"decoder_process"), ("PDF", b"pdfium_process")])
def test_an_ended_decoder_is_replaced_and_counted(service: Service, format: str, module: bytes) -> None:
    assert answers_to_sound_files(service)[format] == 200
    before = decoder_deaths(service)

    for process in decoder_processes(service, module):
        os.kill(process, signal.SIGKILL)

    assert answers_to_sound_files(service)[format] == 200
    assert decoder_deaths(service) > before


def answers_to_sound_files(service: Service) -> dict[str, int]:
    return {
        format: service.http.post("/v1/documents?ocr=never", files={"file": data}).status_code
        for format, data in SOUND.items()
    }


def decoder_deaths(service: Service) -> int:
    """How many confined processes files have ended so far, by the service's own count."""
    text = service.http.get("/metrics").text
    counts = [line for line in text.splitlines() if line.startswith("kernelsight_decoder_deaths_total")]
    assert len(counts) == 4
    return sum(int(float(line.rpartition(" ")[2])) for line in counts)


def decoder_processes(service: Service, module: bytes) -> Iterator[int]:
    """The service's children that run `module`."""
    for listed in Path(f"/proc/{service.process.pid}/task").glob("*/children"):
        for process in listed.read_text().split():
            if module in Path(f"/proc/{process}/cmdline").read_bytes():
                yield int(process)
