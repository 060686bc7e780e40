"""Makes the C library give the memory of large pictures back to the system, as soon as they are freed or on demand."""

import ctypes
import sys

# Pillow keeps pictures in blocks of 16 MiB. By default glibc learns from the first that is freed to keep such blocks,
# in one pool for each thread: after fourteen images of 63 megapixels, one at a time, 1.4 GB stayed with the process.
KEPT_BYTES = 15 * 2**20  # what is smaller is kept and used again, which is faster

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h


def give_back_large_blocks() -> None:
    """For this process and for good. Does nothing where the C library is not glibc."""
    if library := _find_glibc():
        library.mallopt(_M_MMAP_THRESHOLD, KEPT_BYTES)
        # As glibc would have chosen; without this it falls to 128 KiB.
        library.mallopt(_M_TRIM_THRESHOLD, 2 * KEPT_BYTES)


def give_back_free_blocks() -> None:
    """Whatever is free at this moment; takes some milliseconds for each 100 MB. Does nothing without glibc."""
    if library := _find_glibc():
        library.malloc_trim(0)


def _find_glibc() -> ctypes.CDLL | None:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "gnu_get_libc_version") else None
