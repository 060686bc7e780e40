"""The API's documentation works in a real browser under its content security policy."""

from playwright.sync_api import Browser, Page, expect

from tests.serving import Service


def test_swagger_shows_the_routes_and_sends_requests(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/docs")
    operation = page.locator(".opblock", has_text="/healthz")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()

    expect(operation.locator(".live-responses-table td.response-col_status").last).to_have_text("200")


def test_redoc_shows_the_routes_and_loads_nothing_from_elsewhere(browser: Browser, service: Service) -> None:
    page = browser.new_page()  # not the fixture's: Redoc asks for its maker's logo, and complains that it may not
    loaded: list[str] = []
    page.on("response", lambda response: loaded.append(response.url))
    page.goto(f"{service.url}/redoc")
    expect(page.locator("body")).to_contain_text("/v1/features", timeout=20_000)
    page.close()

    assert [url for url in loaded if not url.startswith((f"{service.url}/", "data:", "blob:"))] == []
