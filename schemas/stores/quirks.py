"""What a kind of store can do and takes: a frozen row, which storage/s3/store_quirks.py has for each.

A cell that nobody has documented or measured keeps its default, which is the careful choice.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum

from s3plan.schemas.plan.conditions import Capabilities, Condition, Enforcement
from s3plan.schemas.stores.names import StoreName
from s3plan.schemas.stores.xml_text import is_xml_safe

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40


class Support(StrEnum):
    """Whether a store has something."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"  # found out, or done without


class Integrity(StrEnum):
    """What a store holds bytes against that are sent to it."""

    CRC64NVME = "crc64nvme"  # in parts, too: it makes the whole object's of them
    MD5 = "md5"  # Content-MD5, which every store knows
    TRIED = "tried"  # of parts: apply tries what the store does with a wrong CRC64NVME


class Acls(StrEnum):
    """What canned ACLs a store takes with an object."""

    OBJECT = "each object's"
    BUCKET = "the bucket's only"  # another one is refused
    NONE = "none"
    UNKNOWN = "unknown"


class Encryptions(StrEnum):
    """An encryption that a store does, as its header names it."""

    SSE_S3 = "AES256"
    KMS = "aws:kms"
    SSE_C = "sse-c"


class KeyRule(StrEnum):
    """What a store does not hold, or holds as one."""

    NFC = "keys that differ in Unicode normalisation only are one"
    NO_LINE_BREAKS = "no CR or LF"
    XML_1_0 = "no characters that XML 1.0 cannot carry"
    FILE_NAMES = "components as a file system has them"


_MOST_FILE_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreQuirks:
    """One row. `sources` has where each cell is from, by its name: a URL, or `measured` and with what.

    Sizes are bytes; None: no limit is known. `hosts` are ends of host names that the store is known by.
    """

    name: StoreName
    title: str
    hosts: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    integrity: Integrity = Integrity.TRIED
    states_checksums: Support = Support.UNKNOWN  # x-amz-checksum-mode; unknown: sent, and left out where it is refused
    has_annotations: Support = Support.UNKNOWN  # a copy says that they stay behind; unknown: likewise
    refusal_status: int = 501  # of a header or an operation that it has not
    batch_deletes: Support = Support.UNKNOWN  # DeleteObjects
    conditions: Capabilities = field(default_factory=lambda: dict.fromkeys(Condition, Enforcement.UNKNOWN))
    part_copies: Support = Support.UNKNOWN  # UploadPartCopy
    part_gets: Support = Support.UNKNOWN  # HEAD and GET with partNumber
    decompresses: Support = Support.UNKNOWN  # gzip bodies, for who does not accept them as they are stored

    most_parts: int = 10_000
    least_part_bytes: int = 5 * MIB  # but the last
    most_part_bytes: int = 5 * GIB
    equal_parts: bool = False  # it demands them, but for the last; s3plan cuts so anywhere
    most_put_bytes: int = 5 * GIB
    most_copy_bytes: int = 5 * GIB  # in one CopyObject
    most_object_bytes: int = 10_000 * 5 * GIB
    key_rules: frozenset[KeyRule] = frozenset()

    tags: Support = Support.UNKNOWN
    counts_tags: Support = Support.UNKNOWN  # x-amz-tagging-count, of each object that has some, for who may read them
    acls: Acls = Acls.UNKNOWN
    storage_classes: frozenset[str] | None = None  # None: any may be asked for
    most_metadata_bytes: int = 2048  # names and values together
    encryptions: frozenset[Encryptions] | None = None
    checksums: frozenset[str] | None = None  # what an object may be asked to have, of all of its bytes or by SHA
    versioning: Support = Support.UNKNOWN
    requester_pays: Support = Support.UNKNOWN

    def takes_class(self, storage_class: str) -> bool:
        """Return whether an object may be given this storage class; yes where the classes are not known."""
        return self.storage_classes is None or storage_class in self.storage_classes

    def key_objection(self, key: str) -> str | None:
        """Return why the store cannot hold a whole key, None if nothing is known against it."""
        if KeyRule.NO_LINE_BREAKS in self.key_rules and ("\r" in key or "\n" in key):
            return f"{self.title} holds no key with a line break"
        if KeyRule.XML_1_0 in self.key_rules and not is_xml_safe(key):
            return f"{self.title} cannot list a key with a control character"
        if KeyRule.FILE_NAMES in self.key_rules:
            components = key.removesuffix("/").split("/")
            if "" in components:
                return f"{self.title} holds no key with an empty component"
            if not {".", ".."}.isdisjoint(components):
                return f"{self.title} holds no key with . or .. as a component"
            if any(len(each.encode()) > _MOST_FILE_NAME for each in components):
                return f"{self.title} holds no key with a component over {_MOST_FILE_NAME} bytes"
        return None

    @property
    def folds_keys(self) -> bool:
        """Whether keys that are not the same bytes may be one to the store."""
        return KeyRule.NFC in self.key_rules

    def folded(self, key: str) -> str:
        """Return what the store tells keys apart by."""
        return unicodedata.normalize("NFC", key) if self.folds_keys else key

    @property
    def unfounded(self) -> tuple[str, ...]:
        """The cells that say anything but the careful choice and name no source; a table has none."""
        careful = StoreQuirks(name=self.name, title=self.title)
        cells = {each.name for each in fields(self)} - {"name", "title", "sources"} - self.sources.keys()
        return tuple(sorted(each for each in cells if getattr(self, each) != getattr(careful, each)))


CAREFUL = StoreQuirks(name=StoreName.UNKNOWN, title="the store")
"""The row of a store that nothing is known of."""
