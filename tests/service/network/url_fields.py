"""Every field of the API that takes a URL, found in the OpenAPI document, so that a test of all forgets no new one.

A field takes a URL if its name says so, or its description or that of a field around it; "data URL" does not count.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
_NAMES = ("url", "callback")


@dataclass(frozen=True)
class UrlField:
    """`name` is the path in the body, or `?` and the query's parameter. `make` gives query and body for a URL."""

    route: str
    name: str
    make: Callable[[str], tuple[Body, Any]]

    def __str__(self) -> str:
        return f"{self.route} {self.name}"


def find_url_fields(document: Body) -> Iterator[UrlField]:
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            route = f"{method.upper()} {path}"
            yield from _find_in_query(route, operation)
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                for name, make in _walk(content["schema"], schemas, "", takes_url=False):
                    yield UrlField(route, name, lambda url, make=make: ({}, make(url)))  # type: ignore[misc]


def _find_in_query(route: str, operation: Body) -> Iterator[UrlField]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for one in operation.get("parameters", []):
        if one["in"] == "query" and _says_url(one["name"], one | one["schema"]):
            name = one["name"]
            yield UrlField(route, f"?{name}", lambda url, name=name: ({name: url}, content.get("example")))  # type: ignore[misc]


def _says_url(name: str, schema: Body) -> bool:
    return name in _NAMES or "URL" in schema.get("description", "").replace("data URL", "")


def _walk(schema: Body, schemas: Body, path: str, *, takes_url: bool) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """Path and maker of each text that takes a URL."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for one in [*schema.get("anyOf", ()), *schema.get("oneOf", ())]:
        yield from _walk(one, schemas, path, takes_url=takes_url)
    if schema.get("type") == "string" and takes_url and not {"enum", "const"} & schema.keys():
        yield path, lambda url: url
    for name, make in _walk(schema["items"], schemas, f"{path}[]", takes_url=takes_url) if "items" in schema else ():
        yield name, lambda url, make=make: [make(url)]  # type: ignore[misc]
    yield from _walk_properties(schema, schemas, path, takes_url=takes_url)


def _walk_properties(
    schema: Body, schemas: Body, path: str, *, takes_url: bool
) -> Iterator[tuple[str, Callable[[str], Any]]]:
    properties = schema.get("properties", {})
    fixed = {name: one["const"] for name, one in properties.items() if "const" in one}
    for key, one in properties.items():
        inner = f"{path}.{key}" if path else key
        for name, make in _walk(one, schemas, inner, takes_url=_says_url(key, one) or (takes_url and key != "text")):
            yield name, lambda url, key=key, make=make: fixed | {key: make(url)}  # type: ignore[misc]
