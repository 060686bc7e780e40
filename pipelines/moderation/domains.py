"""Finds the hosts that a text links to, as a browser would, and reads lists of denied and allowed domains."""

import ipaddress
import socket
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import idna

from models.errors import KernelSightError
from pipelines.linear_patterns import compile_text, text_begins

# With a scheme, the authority ends at the first of / ? # or, for browsers, \. Without one, a link is only what looks
# like a host name followed by a path, a port or nothing: "3.14" and "me@example.com" are none.
_WITH_SCHEME = compile_text(r"(?:https?|ftp|wss?)\\?:[/\\]*([^\s/\\?#<>\"']+)[^\s<>\"']*", ignore_case=True)
_NAME_RUN = compile_text(r"[\w.。．｡-]+")
_DOTS = str.maketrans("。．｡", "...")
_MAX_LABELS, _MAX_LABEL_CHARS = 10, 63
_LONGEST_NAME = _MAX_LABELS * (_MAX_LABEL_CHARS + 1)
_name_may_end = text_begins(r"(?::\d{1,5})?(?:$|[\s/\\?#<>\"',;)])")
_IGNORED = str.maketrans("", "", "\t\r\n")  # browsers remove them from the middle of a URL


class DomainsInvalid(KernelSightError):
    code = "domains-invalid"


@dataclass(frozen=True, slots=True)
class DomainLists:
    """Normalised names; each covers its subdomains as well. `allowed` is None where there is no such list."""

    denied: frozenset[str] = frozenset()
    allowed: frozenset[str] | None = None

    def is_denied(self, host: str) -> bool:
        return _is_covered(self.denied, host)

    def is_unlisted(self, host: str) -> bool:
        """Whether there is an allow list and the host is not on it."""
        return self.allowed is not None and not _is_covered(self.allowed, host)


def load_domain_lists(denied: Path | None, allowed: Path | None) -> DomainLists:
    """Read lists in UTF-8: a domain per line, # begins a comment. Raises DomainsInvalid, which names file and line."""
    return DomainLists(_load_list(denied) if denied else frozenset(), _load_list(allowed) if allowed else None)


def find_hosts(text: str) -> list[str]:
    """The normalised hosts of all links in `text`, each once; links may lack their scheme."""
    # Without lone surrogates, which RE2 does not take. U+FFFD takes their place, as "?" would end the host.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found = [*_find_with_scheme(text), *_find_without_scheme(_WITH_SCHEME.sub(" ", text))]
    if _WITH_SCHEME.match(text.lstrip()):  # where the whole text is a URL, browsers remove line breaks
        found += _find_with_scheme(text.translate(_IGNORED))
    return list(dict.fromkeys(found))


def normalise_host(host: str) -> str | None:
    """Lower case, percent-decoded, international names in punycode, numbers as an IP address; None for no host."""
    host = unquote(host).strip("[]").rstrip(".。．｡")
    if not host.isascii():
        host = ".".join(map(_encode_label, host.translate(_DOTS).split(".")))
    host = host.lower().rstrip(".")
    return (_parse_address(host) or host) if host else None


def _encode_label(label: str) -> str:
    """In punycode, by UTS #46 as browsers read it: IDNA 2008 forbids emoji and others that they resolve.

    A label that cannot be encoded stays as it is, so that the domain that it belongs to is still seen.
    """
    try:
        label = idna.uts46_remap(label, std3_rules=False, transitional=False)
    except idna.IDNAError:
        label = unicodedata.normalize("NFKC", label).lower()
    if label.isascii() or len(label) > _MAX_LABEL_CHARS:
        return label
    return f"xn--{label.encode('punycode').decode()}"


def _find_with_scheme(text: str) -> Iterator[str]:
    for authority in _WITH_SCHEME.findall(text):
        host = authority.rpartition("@")[2]  # https://example.com@evil.com leads to evil.com
        if not host.startswith("["):
            host = host.partition(":")[0]
        if found := normalise_host(host.partition("]")[0].partition(";")[0].rstrip(",)")):
            yield found


def _find_without_scheme(text: str) -> Iterator[str]:
    for run in _NAME_RUN.finditer(text):
        name = _find_name(text, run.start(), run.end())
        found = normalise_host(name) if name else None
        if found and _is_top_level(found.rpartition(".")[2]):
            yield found


def _find_name(text: str, start: int, end: int) -> str | None:
    """The host name at the end of a run of the characters that names have."""
    if not _name_may_end(text[end : end + 7]):  # a port and one more
        return None
    dots = (at + 1 for at in range(max(start, end - _LONGEST_NAME), end) if text[at] in "。．｡")
    begins = [*([start] if _name_may_begin(text, start) else []), *dots]
    return next((text[at:end] for at in begins if end - at <= _LONGEST_NAME and _is_name(text[at:end])), None)


def _is_top_level(label: str) -> bool:
    """Of letters, or punycode."""
    if label.startswith("xn--"):
        label = label.removeprefix("xn--").replace("-", "a")
        return 0 < len(label) <= _MAX_LABEL_CHARS - 4 and label.isascii() and label.isalnum()
    return 2 <= len(label) <= _MAX_LABEL_CHARS and label.isalnum() and not any(map(str.isdecimal, label))


def _is_name(text: str) -> bool:
    """Of letters, digits, "_", "-" and dots."""
    labels = text.translate(_DOTS).removesuffix(".").split(".")
    return (
        not text.startswith(("_", "-"))
        and 2 <= len(labels) <= _MAX_LABELS
        and all(0 < len(label) <= _MAX_LABEL_CHARS for label in labels)
    )


def _name_may_begin(text: str, start: int) -> bool:
    return text[max(0, start - 1) : start] not in ("@", "/", "\\", "%") or text[max(0, start - 2) : start] == "//"


def _parse_address(host: str) -> str | None:
    """The IP address that browsers read in 0x7f.1, 2130706433 and the like; None for a name."""
    try:
        return str(ipaddress.IPv6Address(host)) if ":" in host else socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _is_covered(domains: frozenset[str], host: str) -> bool:
    labels = host.split(".")
    return any(".".join(labels[at:]) in domains for at in range(len(labels)))


def _has_more_than_domain(entry: str) -> bool:
    return any(character in "/\\@?*" or character.isspace() for character in entry)


def _load_list(path: Path) -> frozenset[str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        reason = cause.strerror if isinstance(cause, OSError) else "not UTF-8"
        raise DomainsInvalid(f"list of domains {str(path)!r}: {reason}") from cause
    return frozenset(_parse_lines(path, lines))


def _parse_lines(path: Path, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        domain = normalise_host(entry)
        if domain is None or _has_more_than_domain(entry) or (":" in entry and _parse_address(domain) is None):
            raise DomainsInvalid(
                f"list of domains {str(path)!r}, line {number}: {entry!r} is no domain; write example.com for it and "
                "all of its subdomains"
            )
        yield domain
