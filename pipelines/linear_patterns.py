r"""Patterns for what callers send: in RE2, whose time is linear in the text, where Python's `re` may need for ever.

In these patterns \d, \w and \s mean what they do in Python, all of Unicode; \b knows ASCII only, `$` is the very end,
and there is no looking ahead or behind.
"""

from collections.abc import Callable

import re2

_CLASSES = {"d": r"\p{Nd}", "w": r"\p{L}\p{N}_", "s": r"\t-\r\x1c-\x20\x{85}\p{Z}"}


def compile_text(pattern: str, *, ignore_case: bool = False) -> "re2._Regexp":
    """For positions and groups in a `str` that can be encoded, so without lone surrogates."""
    return re2.compile(_with_unicode_classes(pattern), _options(ignore_case=ignore_case))


def compile_bytes(pattern: bytes) -> "re2._Regexp":
    """For the bytes of files; a dot is any byte."""
    options = _options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    return re2.compile(pattern, options)


def text_begins(pattern: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """A test of whether a text begins with the pattern; any text may be tested."""
    compiled = re2.compile(_with_unicode_classes(pattern).encode(), _options(ignore_case=ignore_case))
    return lambda text: compiled.match(text.encode(errors="replace")) is not None


def text_is(pattern: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """A test of whether the pattern covers all of a text; any text may be tested."""
    compiled = re2.compile(_with_unicode_classes(pattern).encode(), _options(ignore_case=ignore_case))
    return lambda text: compiled.fullmatch(text.encode(errors="replace")) is not None


def _options(*, ignore_case: bool = False) -> "re2.Options":
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    return options


def _with_unicode_classes(pattern: str) -> str:
    r"""The pattern with \d, \w, \s written out, also inside brackets, and \D, \W, \S outside of them."""
    written, is_in_brackets, characters = "", False, iter(pattern)
    for one in characters:
        if one == "\\":
            written += _write_escape(next(characters), is_in_brackets)
            continue
        if one in "[]":
            is_in_brackets = one == "["
        written += one
    return written


def _write_escape(letter: str, is_in_brackets: bool) -> str:
    members = _CLASSES.get(letter.lower())
    if members is None:
        return f"\\{letter}"
    if is_in_brackets:
        assert letter.islower(), "what is in no class cannot be a part of one"
        return members
    return f"[{members}]" if letter.islower() else f"[^{members}]"
