"""A store made of the cells of its row in the table of stores: it refuses, ignores and demands what they say.

It stands before the strict server, which does all the rest. What a row says that a store has is demanded where s3plan
would do without it if the cell said otherwise: so a cell that is flipped ends a journey.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import md5
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from s3plan.schemas.plan.conditions import Condition, Enforcement
from s3plan.schemas.stores.quirks import Acls, Encryptions, Integrity, StoreQuirks, Support

from fakes.quirky_store import Asked, QuirkyStore, Said, quirky_store

_CRC = "x-amz-checksum-crc64nvme"
_CHECKSUMS = (_CRC, "x-amz-checksum-algorithm", "x-amz-sdk-checksum-algorithm")
_DESTINATION = ("if-match", "if-none-match")
_SOURCE = "x-amz-copy-source-if-match"
_SSE = "x-amz-server-side-encryption"
_PROBES = "s3plan-probe"


@dataclass
class StoreByRow:
    """What one of these stores is asked. `violations` are demands of its row that were not met."""

    row: StoreQuirks
    asked: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    part_bytes: dict[str, dict[int, int]] = field(default_factory=dict)

    def before(self, asked: Asked) -> Asked | Said:
        """Refuse a request, or give what of it the store takes notice of."""
        self.asked.append(_name_of(asked))
        refusal = next((each for each in (self._header(asked), self._operation(asked), self._key(asked)) if each), None)
        if refusal is not None:
            return _refused(refusal, status=self.row.refusal_status)
        words = self._of_body(asked)
        if words is not None:
            self.violations.append(f"{_name_of(asked)} {asked.path}: {words}")
            return _refused(words, status=400)
        return self._noticed(asked)

    def after(self, asked: Asked, said: Said) -> Said:
        """Decompress what is sent to who has not said that gzip is accepted."""
        is_read = asked.method in ("GET", "HEAD") and said.headers.get("content-encoding") == "gzip"
        accepts = "gzip" in asked.headers.get("accept-encoding", "")
        if self.row.decompresses is not Support.YES or not is_read or said.status != 200 or accepts:
            return said
        headers = {name: value for name, value in said.headers.items() if name != "content-encoding"}
        return Said(200, headers, gzip.decompress(said.body) if said.body else b"", "7" if said.length else None)

    def _header(self, asked: Asked) -> str | None:
        row, headers = self.row, asked.headers
        unknown = [
            *(["x-amz-checksum-mode"] if row.states_checksums is Support.NO else []),
            *(["x-amz-object-annotation-directive"] if row.has_annotations is Support.NO else []),
            *(_CHECKSUMS if row.integrity is Integrity.MD5 and not asked.is_batch_delete else []),
            *(["x-amz-tagging"] if row.tags is Support.NO else []),
            *(["x-amz-acl"] if row.acls is Acls.NONE else []),
            *(["x-amz-request-payer"] if row.requester_pays is Support.NO else []),
        ]
        found = next((name for name in unknown if name in headers), None)
        if found is not None:
            return f"Unsupported header '{found}'"
        encryption = Encryptions.SSE_C if f"{_SSE}-customer-key" in headers else headers.get(_SSE)
        if encryption is not None and row.encryptions is not None and encryption not in set(row.encryptions):
            return f"no such encryption: {encryption}"
        storage_class = headers.get("x-amz-storage-class")
        if storage_class is not None and not row.takes_class(storage_class):
            return f"no such storage class: {storage_class}"
        metadata = sum(len(n) - 11 + len(value) for n, value in headers.items() if n.startswith("x-amz-meta-"))
        return "too much metadata" if metadata > row.most_metadata_bytes else None

    def _operation(self, asked: Asked) -> str | None:
        row = self.row
        if asked.is_batch_delete and row.batch_deletes is Support.NO:
            self._note(asked, "DeleteObjects")
            return "POST ?delete is not implemented"
        if asked.is_part and asked.is_copy and row.part_copies is Support.NO:
            self._note(asked, "UploadPartCopy")
            return "UploadPartCopy is not implemented"
        if "tagging" in asked.query and row.tags is Support.NO:
            self._note(asked, "GetObjectTagging")
            return "tagging is not implemented"
        if "versions" in asked.query and row.versioning is Support.NO:
            return "versions are not implemented"
        return None

    def _key(self, asked: Asked) -> str | None:
        objection = self.row.key_objection(unquote(_key_of(asked)))
        if objection is not None and asked.method == "PUT" and _key_of(asked):
            self._note(asked, objection)
        return objection if _key_of(asked) else None

    def _note(self, asked: Asked, violation: str) -> None:
        """Take note of what should not have been asked; a probe may ask for anything."""
        if _PROBES not in asked.path and _PROBES.encode() not in asked.body:
            self.violations.append(violation)

    def _of_body(self, asked: Asked) -> str | None:
        """Return what of a write its store demands and did not get."""
        if _PROBES in asked.path or asked.method != "PUT" or not _key_of(asked):
            return None
        row, headers = self.row, asked.headers
        if asked.is_copy and not asked.is_part:
            if row.has_annotations is Support.YES and "x-amz-object-annotation-directive" not in headers:
                return "annotations were copied"
        elif not asked.is_copy and row.integrity is Integrity.MD5 and "content-md5" not in headers:
            return "there is no Content-MD5"
        elif asked.is_part and not asked.is_copy and row.integrity is Integrity.CRC64NVME and _CRC not in headers:
            return "there is no CRC64NVME"
        return self._of_condition(asked) or self._of_part(asked)

    def _of_condition(self, asked: Asked) -> str | None:
        at = self.row.conditions
        if asked.is_part:
            needs = asked.is_copy and at[Condition.PART_SOURCE_MATCH] is Enforcement.ENFORCED
            return "no pin of the source" if needs and _SOURCE not in asked.headers else None
        if asked.is_copy:
            if at[Condition.COPY_SOURCE_MATCH] is Enforcement.ENFORCED and _SOURCE not in asked.headers:
                return "no pin of the source"
            needs = at[Condition.COPY_ABSENT] is Enforcement.ENFORCED
        else:
            needs = at[Condition.PUT_ABSENT].by_store
        return None if not needs or any(name in asked.headers for name in _DESTINATION) else "no pin"

    def _of_part(self, asked: Asked) -> str | None:
        if not asked.is_part:
            return None
        (upload_id,), (number,) = asked.query["uploadId"], asked.query["partNumber"]
        if int(number) > self.row.most_parts:
            return "too many parts"
        sizes = self.part_bytes.setdefault(upload_id, {})
        sizes[int(number)] = _part_bytes(asked)
        rest = [size for at, size in sizes.items() if at < max(sizes)]
        return "its parts are not equal" if self.row.equal_parts and len(set(rest)) > 1 else None

    def _noticed(self, asked: Asked) -> Asked:
        """Return the request without what this store takes no notice of, to the key that it makes of its own."""
        at, headers = self.row.conditions, dict(asked.headers)
        is_write = asked.method in ("PUT", "POST", "DELETE")
        ignored = self._ignored(asked) if is_write else ()
        for name in ignored:
            headers.pop(name, None)
        if is_write and asked.is_copy:
            condition = Condition.PART_SOURCE_MATCH if asked.is_part else Condition.COPY_SOURCE_MATCH
            if not at[condition].by_store:
                headers.pop(_SOURCE, None)
        if self.row.integrity is Integrity.TRIED:  # it neither compares nor keeps what it does not know
            headers = {name: value for name, value in headers.items() if name not in _CHECKSUMS}
        path = _folded(asked.path) if self.row.folds_keys else asked.path
        body = asked.body
        if asked.is_batch_delete and not at[Condition.BATCH_DELETE_MATCH].by_store:
            body = re.sub(rb"<ETag>.*?</ETag>", b"", body)
            headers = {n: v for n, v in headers.items() if n != "content-md5" and not n.startswith("x-amz-checksum")}
            headers |= {"content-length": str(len(body)), **_md5(body)}
        return replace(asked, path=path, headers=headers, body=body)

    def _ignored(self, asked: Asked) -> tuple[str, ...]:
        at = self.row.conditions
        if asked.method == "DELETE":
            return () if at[Condition.DELETE_MATCH].by_store else _DESTINATION
        if asked.is_complete:
            pair = (Condition.COMPLETE_MATCH, Condition.COMPLETE_ABSENT)
        elif asked.is_copy:
            pair = (Condition.COPY_MATCH, Condition.COPY_ABSENT)
        else:
            pair = (Condition.PUT_MATCH, Condition.PUT_ABSENT)
        return tuple(name for name, each in zip(_DESTINATION, pair, strict=True) if not at[each].by_store)


def _md5(body: bytes) -> dict[str, str]:
    return {"content-md5": b64encode(md5(body, usedforsecurity=False).digest()).decode()}


def _name_of(asked: Asked) -> str:
    if asked.is_batch_delete:
        return "DeleteObjects"
    if asked.is_part:
        return "UploadPartCopy" if asked.is_copy else "UploadPart" if asked.method == "PUT" else "HeadObject"
    return "CopyObject" if asked.is_copy else asked.method


def _key_of(asked: Asked) -> str:
    return asked.path.lstrip("/").partition("/")[2]


def _folded(path: str) -> str:
    return quote(unicodedata.normalize("NFC", unquote(path)), safe="/-_.~")


def _part_bytes(asked: Asked) -> int:
    said = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("x-amz-copy-source-range", ""))
    return len(asked.body) if said is None else int(said[2]) - int(said[1]) + 1


def _refused(words: str, *, status: int) -> Said:
    code = "NotImplemented" if status == 501 else "InvalidArgument"
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{escape(words)}</Message></Error>".encode()
    return Said(status, {"content-type": "application/xml"}, body)


@contextmanager
def store_by_row(upstream: str, row: StoreQuirks) -> Iterator[tuple[QuirkyStore, StoreByRow]]:
    """Run one before a good store."""
    rules = StoreByRow(row)
    with quirky_store(upstream, rules.after) as server:
        server.before = rules.before
        yield server, rules
