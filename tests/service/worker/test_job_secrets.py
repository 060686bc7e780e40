"""What a job's record shows to those who look at dead letters."""

import json

from service.worker.job_secrets import hide_secrets


def test_passwords_are_hidden_wherever_they_stand() -> None:
    work = {"fields": {"password": "a", "document": {"password": "b"}, "more": json.dumps({"password": "c"})}}

    assert hide_secrets(work)["fields"] == {
        "password": "[hidden]", "document": {"password": "[hidden]"}, "more": {"password": "[hidden]"},
    }  # fmt: skip


def test_of_urls_only_scheme_and_host_are_shown() -> None:
    urls = ["https://user:word@example.org:8443/hook/token?key=1#x", "HTTP://example.org", "https://[broken/"]

    assert hide_secrets({"callback": urls[0], "fields": {"input": urls[1:]}}) == {
        "callback": "https://example.org:8443/[hidden]",
        "fields": {"input": ["http://example.org/[hidden]", "[hidden]"]},
    }


def test_the_rest_of_the_record_is_shown_as_it_is() -> None:
    work = {
        "kind": "operation",
        "callback": None,
        "image_at": 0,
        "fields": {"top_k": 3, "text": "{no JSON", "password": None},
    }

    assert hide_secrets(work) == work


def test_text_that_is_nested_too_deeply_is_hidden() -> None:
    assert hide_secrets({"fields": {"text": "[" * 1000 + "]" * 1000}}) == {"fields": {"text": "[hidden]"}}
