"""The host that a link leads to, and lists of domains."""

from pathlib import Path

import pytest

from pipelines.moderation.domains import DomainLists, DomainsInvalid, find_hosts, load_domain_lists


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://example.com/path?q=a.b", "example.com"),
        ("HTTPS://EXAMPLE.COM", "example.com"),
        ("example.com", "example.com"),
        ("example.com.", "example.com"),
        ("see www.example.com, please", "www.example.com"),
        ("URLTO:example.com", "example.com"),
        ("MEBKM:URL:http\\://example.com;;", "example.com"),
        ("//example.com/x", "example.com"),
        ("https:example.com", "example.com"),
        ("https:///example.com", "example.com"),
        ("https://user:secret@example.com:8443/", "example.com"),
        ("https://good.org@example.com/", "example.com"),
        ("https://example.com\\@good.org/", "example.com"),
        ("https://ex%61mple.com", "example.com"),
        ("ｅｘａｍｐｌｅ。com", "example.com"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://straße.example", "xn--strae-oqa.example"),
        ("https://😀.example", "xn--e28h.example"),
        ("https://☃️.example", "xn--n3h.example"),
        ("https://my_shöp.example", "xn--my_shp-0xa.example"),
        ("http://2130706433/", "127.0.0.1"),
        ("http://0x7f.1/", "127.0.0.1"),
        ("http://[::0001]:80/", "::1"),
        ("BEGIN:VCARD\nURL:https://example.com\nEND:VCARD", "example.com"),
    ],
)
def test_a_link_leads_where_a_browser_would_go(text: str, host: str) -> None:
    assert find_hosts(text) == [host]


def test_a_line_break_does_not_hide_a_host() -> None:
    assert "example.com" in find_hosts("https://exam\nple.com")


@pytest.mark.parametrize(
    "text", ["", "3.14", "me@example.com", "WIFI:S:home;P:secret;;", "4006381333931", "a..b", "https://"]
)
def test_text_without_a_link_has_no_host(text: str) -> None:
    assert find_hosts(text) == []


@pytest.mark.parametrize(
    "label", ["€", "😀", "☃", "my_shöp", "a\u200db", "ö" * 70, "\ud800", "xn--ö", "-ö-", "\u0301a", "א1a"]
)
def test_no_label_hides_the_domain_that_it_belongs_to(label: str) -> None:
    domains = DomainLists(denied=frozenset({"evil.example"}))

    assert any(map(domains.is_denied, find_hosts(f"https://{label}.evil.example/pay")))


def test_a_long_label_takes_no_time() -> None:
    """Punycode of a megabyte would take minutes."""
    assert len(find_hosts(f"https://{'ö' * 1_000_000}.example")) == 1


def test_a_domain_covers_its_subdomains_and_no_lookalikes() -> None:
    domains = DomainLists(denied=frozenset({"evil.com"}))

    assert domains.is_denied("evil.com")
    assert domains.is_denied("a.b.evil.com")
    assert not domains.is_denied("notevil.com")
    assert not domains.is_denied("evil.com.org")


def test_lists_are_normalised_and_may_have_comments(tmp_path: Path) -> None:
    denied, allowed = tmp_path / "denied.txt", tmp_path / "allowed.txt"
    denied.write_text("# bad\nEvil.COM  # worst\n\nbücher.example\n0x7f.1\n", "utf-8")
    allowed.write_text("example.com\n")

    assert load_domain_lists(denied, allowed) == DomainLists(
        frozenset({"evil.com", "xn--bcher-kva.example", "127.0.0.1"}), frozenset({"example.com"})
    )


def test_only_an_allow_list_makes_hosts_unlisted(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("# nobody\n")

    without_list, with_empty_list = load_domain_lists(None, None), load_domain_lists(None, tmp_path / "none.txt")

    assert not without_list.is_unlisted("example.com")
    assert with_empty_list.is_unlisted("example.com")


@pytest.mark.parametrize(
    "line", ["https://example.com", "two words", "*.example.com", "me@example.com", "example.com:80", "."]
)
def test_the_error_names_a_line_that_is_no_domain(tmp_path: Path, line: str) -> None:
    (tmp_path / "list.txt").write_text(f"example.com\n{line}\n")

    with pytest.raises(DomainsInvalid, match=r"list\.txt', line 2: .* is no domain"):
        load_domain_lists(tmp_path / "list.txt", None)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_the_error_names_a_list_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)

    with pytest.raises(DomainsInvalid, match=r"list\.txt"):
        load_domain_lists(None, tmp_path / "list.txt")
