"""Finds markup that runs, or fetches, where a program shows a comment, a text chunk or a trailer without escaping it.

Ordinary XMP is XML and does neither. A block is searched as it stands, and in the forms that a reader turns it into:

    block ─► as it stands ─► without NUL bytes (UTF-16) ─► unescaped (XMP) ─► unpacked (PNG) ─► joined (GIF)
"""

import zlib
from collections.abc import Iterator
from html import unescape

from pipelines.image.formats import FileFormat
from pipelines.linear_patterns import compile_bytes
from pipelines.moderation.file_structure.structure import MetadataBlock

MAX_UNPACKED = 2**20  # bytes of one compressed text that are searched
MAX_PACKED_TEXTS = 16  # of one file that are unpacked
MAX_UNESCAPED = 2**20  # bytes of one XMP packet in which character references are resolved

_TAG_INSIDE = rb"""(?:[^<>"']|"[^"]*"|'[^']*')*"""
# Browsers skip these bytes inside a scheme.
_JAVASCRIPT, _VBSCRIPT = (
    rb"[\t\r\n]*".join(word[i : i + 1] for i in range(len(word))) for word in (b"javascript", b"vbscript")
)
_LINK = rb"""(?:href|src|action|formaction|data|srcdoc|background|poster)\s*=\s*["']?[\x00-\x20]*"""
_RUNS = compile_bytes(
    rb"(?i)"
    # an event handler, also behind quotes that are not closed
    rb"<[a-z](?:" + _TAG_INSIDE + rb"|[^<>]*)" + rb"""[\s/"']on[a-z]{3,24}\s*=\s*["'`\w(]"""
    rb"|<(?:iframe|frame|frameset|object|embed|applet|portal|form|foreignobject)[\s/>]"
    rb"|<meta\s[^>]*http-equiv|<base\s[^>]*href|<link\s[^>]*href"
    rb"|" + _LINK + rb"(?:(?:" + _JAVASCRIPT + rb"|" + _VBSCRIPT + rb")\s*:"
    # a scheme that is written with character references
    rb"|[a-z]{0,12}&(?:#x?[0-9a-f]|colon;|tab;|newline;))"
    rb"|\b(?:javascript|vbscript):\S{0,200}?[(=`/%]"
    rb"|data:(?:text/html|image/svg\+xml|application/xhtml\+xml)[;,]"
    rb"|<%[@=!]?\s*(?:page\b|eval\b|execute\b|request\b|response\b|runtime\b)|<!--#(?:exec|include)\s"
)  # fmt: skip
_ENTITY = compile_bytes(rb"(?i)<!ENTITY\s[^>]*\b(?:SYSTEM|PUBLIC)\b")
PATTERNS = ((_RUNS, "markup that runs"), (_ENTITY, "external entity"))


def list_readings(
    data: bytes, format: FileFormat, blocks: tuple[MetadataBlock, ...]
) -> Iterator[tuple[MetadataBlock, bytes]]:
    """Yield each block's other forms: what a reader of the format, or of its text's encoding, makes of it."""
    packed = 0
    for block in blocks:
        content = data[block.start : block.end]
        if format == "GIF":
            content = _join_gif_blocks(content)
            yield block, content
        if format == "PNG" and packed < MAX_PACKED_TEXTS and (text := _unpack_png_text(data, block)):
            packed += 1
            content = text
            yield block, content
        if b"\0" in content:
            yield block, content.replace(b"\0", b"")
        if block.kind == "xmp" or (block.kind == "text" and b"xmpmeta" in content):
            yield block, unescape(content[:MAX_UNESCAPED].decode("utf-8", "replace")).encode("utf-8", "replace")


def _join_gif_blocks(content: bytes) -> bytes:
    """The bytes of sub-blocks of at most 255 bytes, each behind its length."""
    parts, at = list[bytes](), 0
    while at < len(content) and content[at]:
        parts.append(content[at + 1 : at + 1 + content[at]])
        at += 1 + content[at]
    return b"".join(parts)


def _unpack_png_text(data: bytes, block: MetadataBlock) -> bytes:
    """The text of a compressed zTXt or iTXt chunk, or nothing."""
    kind, content = data[block.start - 4 : block.start], data[block.start : block.end]
    _, _, rest = content.partition(b"\0")
    if kind == b"zTXt":
        packed = rest[1:]
    elif kind == b"iTXt" and rest.startswith(b"\1"):
        packed = rest[2:].split(b"\0", 2)[-1]
    else:
        return b""
    try:
        return zlib.decompressobj().decompress(packed, MAX_UNPACKED)
    except zlib.error:
        return b""
