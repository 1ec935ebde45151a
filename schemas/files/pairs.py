"""What is asked about a file and the object under its key where their listings do not tell, and what is found out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from s3plan.schemas.objects import ObjectRow


class Wanted(Enum):
    """What a question is about."""

    BYTES = "bytes"
    TIME = "time"  # of the file that the object was made of


class Recalled(Enum):
    """What is known of a pair from before."""

    SAME = "same"  # the file and the object had the same bytes, and neither has changed since
    OTHER_TIME = "other-time"  # likewise, and the object keeps another time than the file has
    CHANGED = "changed"  # they had, and one of them has changed since
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Question:
    """A pair of which the listings do not tell enough; `recalled` is what is known of it from before.

    `with_time`: where the bytes are the same, the time that the object keeps is wanted, too.
    """

    file: ObjectRow
    there: ObjectRow
    wanted: Wanted
    recalled: Recalled = Recalled.NOTHING
    with_time: bool = False


@dataclass(frozen=True, slots=True)
class PairFound:
    """What was found out about a pair. `is_same` is None where nothing of the two can be compared.

    `by` is what was compared, as MD5; `of_file` and `of_object` are the two where they differ. `mtime_ns` is the time
    that the object keeps of its file.
    """

    is_same: bool | None = None
    by: str = ""
    of_file: str = ""
    of_object: str = ""
    mtime_ns: int | None = None
