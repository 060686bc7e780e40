"""The operations page works in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import Jpeg
from tests.serving import Service, serving

HISTOGRAM = """
# HELP seconds In the text format.
# TYPE seconds histogram
seconds_bucket{stage="a",le="0.1"} 10
seconds_bucket{stage="a",le="0.2"} 30
seconds_bucket{stage="a",le="0.4"} 40
seconds_bucket{stage="a",le="+Inf"} 41
seconds_bucket{stage="b",le="0.1"} 0
seconds_bucket{stage="b",le="+Inf"} 2
odd{text="a \\"quoted\\", one}"} 1e-3
"""


@pytest.fixture
def ops(page: Page, service: Service, jpeg: Jpeg) -> Page:
    answer = service.http.post("/v1/analyze", files={"file": jpeg("astronaut")})
    assert answer.status_code == 200
    page.goto(f"{service.url}/ops/")
    expect(page.locator("#state")).to_have_text("Ready")
    return page


def call_module(page: Page, function: str, *arguments: Any) -> Any:
    """Call the page's own module with two scrapes: an empty one, and the histogram ten seconds later."""
    return page.evaluate(
        """async ([text, name, given]) => {
            const module = await import("/ops/metrics.js");
            const [old, now] = [module.parse("", 0), module.parse(text, 10)];
            return name === "quantile" ? module.quantile(given[0], old, now, "seconds", (one) => one.stage === given[1])
                 : name === "rate" ? module.rate(old, now, given[0]) : Object.fromEntries(now.samples);
        }""",
        [HISTOGRAM, function, list(arguments)],
    )


def test_requests_are_shown_by_route_stage_and_model(ops: Page, service: Service) -> None:
    for table, text in (
        ("routes", "/v1/analyze"), ("stages", "features · postprocess"), ("models", "efficientnet-lite0"),
        ("queue", "interactive"), ("verdicts", "allow"),
    ):  # fmt: skip
        expect(ops.locator(f"#{table}")).to_contain_text(text)


def test_new_requests_are_shown_without_a_reload(ops: Page, service: Service, jpeg: Jpeg) -> None:
    row = ops.locator("#routes tr", has_text="/v1/analyze").locator("td").nth(1)
    before = int(row.inner_text())
    service.http.post("/v1/analyze", files={"file": jpeg("coffee")})

    expect(row).to_have_text(str(before + 1), timeout=10_000)


def test_an_unreachable_service_is_shown_as_such(ops: Page) -> None:
    ops.context.set_offline(True)

    expect(ops.locator("#state")).to_have_text("The service does not answer", timeout=10_000)


@pytest.mark.parametrize(
    ("q", "stage", "expected"),
    [(0.5, "a", 0.1 + 0.1 * 10.5 / 20), (0.9, "a", 0.2 + 0.2 * 6.9 / 10), (0.99, "a", 0.4), (0.5, "b", 0.1)],
)
def test_quantiles_match_prometheus(ops: Page, q: float, stage: str, expected: float) -> None:
    assert call_module(ops, "quantile", q, stage) == pytest.approx(expected)


def test_labels_with_quotes_and_small_numbers_are_parsed(ops: Page) -> None:
    assert call_module(ops, "parse")["odd"] == [{"labels": {"text": 'a "quoted", one}'}, "value": 0.001}]


def test_a_rate_covers_the_time_between_two_scrapes(ops: Page) -> None:
    assert call_module(ops, "rate", "seconds_bucket") == pytest.approx(12.3)


def test_the_page_asks_for_the_key_and_refuses_a_wrong_one(page: Page) -> None:
    with serving(api_key="open sesame", ready=False) as guarded:
        page.goto(f"{guarded.url}/ops/")
        for key, state in (("open barley", "This key is wrong."), ("open sesame", "Loading models")):
            page.get_by_label("API key").fill(key)
            page.get_by_role("button", name="Show").click()

            expect(page.locator("#state")).to_have_text(state)
    assert page.locator("#figures").is_visible()
