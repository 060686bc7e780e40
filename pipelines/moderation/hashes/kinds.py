"""The kinds of hash lists, and the largest distance of a match: constants that need no numpy."""

from typing import Literal

HashListKind = Literal["block", "allow"]
HASH_LIST_KINDS: tuple[HashListKind, ...] = ("block", "allow")

# Hashes of different images differ in 128 bits, give or take 8: nearer than this may be chance in a large list.
MAX_DISTANCE = 80
