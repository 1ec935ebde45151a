"""What an uploaded file says that it is, by the end of its name: the same on every machine."""

from __future__ import annotations

from functools import cache, lru_cache
from mimetypes import MimeTypes

_OF_ENCODINGS = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
# What Python's own table has not, or has otherwise in some versions.
_MORE = {
    ".avif": "image/avif",
    ".js": "text/javascript",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".parquet": "application/vnd.apache.parquet",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def content_type_of(key: str) -> str | None:
    """Return the type by the key's ending, None if that says nothing: the store has a type for those."""
    name = key.rpartition("/")[2]
    stem, *endings = name.rsplit(".", 2)  # one of a compression, and one before it
    return _type_of(f"x/{'.'.join(['name', *endings])}" if stem.strip(".") else f"x/{name}")


@lru_cache(maxsize=512)
def _type_of(name: str) -> str | None:
    kind, encoding = _table().guess_type(name)
    return kind if encoding is None else _OF_ENCODINGS.get(encoding)


@cache
def _table() -> MimeTypes:
    table = MimeTypes()  # its own types only: those of a machine's files are not asked
    for ending, kind in _MORE.items():
        table.add_type(kind, ending)
    return table
