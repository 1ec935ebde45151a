"""`./photos`, `~/photos`, `/photos` and `file:///photos/`: folders of this machine as locations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath

from s3plan.schemas.plan.rows import folder_url
from s3plan.schemas.s3_urls import S3UrlInvalid

FOLDER_PATTERN = r"(\.{1,2}|~)(/.*)?|/.*|file:///.*"
_IS_LOCAL = re.compile(FOLDER_PATTERN, re.DOTALL).fullmatch
_SCHEME = "file://"


@dataclass(frozen=True, slots=True)
class FolderUrl:
    """A folder by its absolute path, without `.` and `..`; symbolic links in it are as they are."""

    path: str

    def __str__(self) -> str:
        return folder_url(self.path)


def is_local(text: str) -> bool:
    """Return whether a location's text means a folder."""
    return _IS_LOCAL(text) is not None


def absolute_folder(text: str, *, base: Path) -> str:
    """Return the URL of a folder that a text names: relative to `base`, `~` is the user's own folder."""
    path = Path(text.removeprefix(_SCHEME)).expanduser()
    return folder_url(_normal(str(base / path)))


def parse_folder_url(text: str) -> FolderUrl:
    """Return the folder of an absolute path or `file:` URL, in which nothing is percent-decoded; raise S3UrlInvalid."""
    path = text.removeprefix(_SCHEME)
    if not path.startswith("/"):
        raise S3UrlInvalid("a folder that is kept has an absolute path")
    if "\0" in path:
        raise S3UrlInvalid("a path has no NUL character")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise S3UrlInvalid("the path of a location's folder is UTF-8 text") from error
    return FolderUrl(_normal(path))


def _normal(path: str) -> str:
    """Return an absolute path without `.`, `..` and empty components: `//x` is `/x` on every system that we know."""
    return "/" + normpath(path).lstrip("/")
