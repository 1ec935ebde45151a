"""Which objects a job is about: filters of the manifest, compiled once, asked for each object."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial

from s3plan.planner.filtering.patterns import KeyPattern, PatternInvalid, parse_pattern
from s3plan.schemas.manifest.models import Filters, ModifiedFilter, SizeFilter
from s3plan.schemas.objects import ObjectRow
from s3plan.schemas.quantities import format_duration, format_size

KeyFilter = Callable[[bytes], bool]
"""Says whether a key, relative to its location, passes."""
AttributeFilter = Callable[[ObjectRow], str | None]
"""Gives the rule that leaves an object out, or None if it passes."""

_FOLDERS_REMEMBERED = 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def compile_key_filter(filters: Filters) -> KeyFilter | None:
    """Return the filter that `include`, `exclude` and `extensions` make together; None if every key passes.

    A key passes if it is included, has one of the extensions and is not excluded. Below an excluded folder nothing can
    be taken back with `!`, as in .gitignore; for `include` the pattern that matches deepest decides, as in
    git-sparse-checkout, so `["photos/", "!photos/raw/"]` means what it says. Extensions are ends of keys; case counts.
    Raises PatternInvalid.
    """
    asks: list[KeyFilter] = []
    if filters.extensions:
        asks.append(partial(_ends_in, ends=tuple(f".{end}".encode() for end in filters.extensions)))
    if filters.include:
        patterns = [parse_pattern(text) for text in filters.include]
        if all(pattern.negated for pattern in patterns):
            raise PatternInvalid(filters.include[0], "takes back from include what is not in it; write it in exclude")
        asks.append(_matcher(patterns, below_match_all_match=False))
    if filters.exclude:
        excluded = _matcher([parse_pattern(text) for text in filters.exclude], below_match_all_match=True)
        asks.append(lambda key: not excluded(key))
    if len(asks) > 1:
        return lambda key: all(ask(key) for ask in asks)
    return asks[0] if asks else None


def excludes_folder(filters: Filters, folder: bytes) -> bool:
    """Return whether `exclude` leaves out all keys below a folder, which ends in `/`, whatever they are called.

    That is: it names the folder, or one that this lies in. No is said, too, where names would have to be tried.
    """
    decide = _decider([parse_pattern(text) for text in filters.exclude])
    path = folder.decode(errors="surrogateescape").removesuffix("/")
    return any(decide(each) is True for each in _folders_down_to(path))


def _ends_in(key: bytes, *, ends: tuple[bytes, ...]) -> bool:
    return key.endswith(ends)


def _matcher(patterns: Sequence[KeyPattern], *, below_match_all_match: bool) -> KeyFilter:
    if any(pattern.negated for pattern in patterns):
        return _ordered_matcher(patterns, below_match_all_match=below_match_all_match)
    matches = re.compile(_any_of(patterns), re.DOTALL).match

    def matches_key(key: bytes) -> bool:
        return matches(key.decode(errors="surrogateescape")) is not None

    return matches_key


def _any_of(patterns: Sequence[KeyPattern]) -> str:
    """Return one regex for all patterns; matches from a key's start to the end of a path that one of them names."""
    anchored = [_named_path(pattern) for pattern in patterns if pattern.anchored]
    names = [_named_path(pattern) for pattern in patterns if not pattern.anchored]
    anywhere = [f"(?:[^/]*/)*?(?:{'|'.join(names)})"] if names else []
    return "|".join(anywhere + anchored)


def _named_path(pattern: KeyPattern) -> str:
    return f"(?:{pattern.regex})" + ("/" if pattern.folders_only else r"(?:/|\Z)")


def _ordered_matcher(patterns: Sequence[KeyPattern], *, below_match_all_match: bool) -> KeyFilter:
    """Return a matcher in which the last pattern that matches decides, for each folder of a key and the key itself."""
    decide_folder = _decider(patterns)
    decide_object = _decider([pattern for pattern in patterns if not pattern.folders_only])

    def next_state(state: bool, decision: bool | None) -> bool:  # noqa: FBT001
        if decision is None or (state and below_match_all_match):
            return state
        return decision

    @lru_cache(maxsize=_FOLDERS_REMEMBERED)  # neighbours in key order lie in the same folders
    def folder_matches(folder: str) -> bool:
        state = False
        for path in _folders_down_to(folder):
            state = next_state(state, decide_folder(path))
        return state

    def matches_key(key: bytes) -> bool:
        path = key.decode(errors="surrogateescape")
        folder, slash, _ = path.rpartition("/")
        return next_state(bool(slash) and folder_matches(folder), decide_object(path))

    return matches_key


def _folders_down_to(folder: str) -> Iterator[str]:
    at = folder.find("/")
    while at >= 0:
        yield folder[:at]
        at = folder.find("/", at + 1)
    yield folder


def _decider(patterns: Sequence[KeyPattern]) -> Callable[[str], bool | None]:
    """Return what the last pattern that matches a path says: matched, taken back (False), or None if none does."""
    latest_first = list(reversed(patterns))
    groups = [f"({pattern.regex if pattern.anchored else _last_name(pattern)})" for pattern in latest_first]
    fullmatch = re.compile("|".join(groups) or "(?!)", re.DOTALL).fullmatch

    def decide(path: str) -> bool | None:
        match = fullmatch(path)
        if match is None or match.lastindex is None:
            return None
        return not latest_first[match.lastindex - 1].negated

    return decide


def _last_name(pattern: KeyPattern) -> str:
    return f"(?>(?:.*/)?)(?:{pattern.regex})"


def compile_attribute_filter(filters: Filters, *, now_ms: int) -> AttributeFilter | None:
    """Return the filter that `size`, `modified` and `storage_class` make together; None if every object passes.

    `now_ms` is the moment that ages are counted from, by the store's clock. Rules read "filtered: size above 50GiB".
    """
    asks: list[AttributeFilter] = []
    if filters.size is not None:
        asks.extend(_size_asks(filters.size))
    if filters.modified is not None:
        asks.extend(_modified_asks(filters.modified, now_ms=now_ms))
    if filters.storage_class:
        asks.append(_storage_class_ask(frozenset(filters.storage_class)))
    if not asks:
        return None

    def first_objection(row: ObjectRow) -> str | None:
        for ask in asks:
            rule = ask(row)
            if rule is not None:
                return rule
        return None

    return asks[0] if len(asks) == 1 else first_objection


def _size_asks(size: SizeFilter) -> Iterator[AttributeFilter]:
    if size.min is not None:
        least, below = size.min, f"filtered: size below {format_size(size.min)}"
        yield lambda row: below if row.size_bytes < least else None
    if size.max is not None:
        most, above = size.max, f"filtered: size above {format_size(size.max)}"
        yield lambda row: above if row.size_bytes > most else None


def _modified_asks(modified: ModifiedFilter, *, now_ms: int) -> Iterator[AttributeFilter]:
    if modified.after is not None:
        yield _changed_since(_milliseconds(modified.after), f"filtered: modified before {_moment(modified.after)}")
    if modified.newer_than is not None:
        rule = f"filtered: older than {format_duration(modified.newer_than)}"
        yield _changed_since(now_ms - modified.newer_than // _MILLISECOND, rule)
    if modified.before is not None:
        rule = f"filtered: modified at or after {_moment(modified.before)}"
        yield _changed_before(_milliseconds(modified.before), rule)
    if modified.older_than is not None:
        rule = f"filtered: not older than {format_duration(modified.older_than)}"
        yield _changed_before(now_ms - modified.older_than // _MILLISECOND, rule)


def _changed_since(moment_ms: int, rule: str) -> AttributeFilter:
    return lambda row: rule if row.mtime_ms < moment_ms else None


def _changed_before(moment_ms: int, rule: str) -> AttributeFilter:
    return lambda row: rule if row.mtime_ms >= moment_ms else None


def _storage_class_ask(passing: frozenset[str]) -> AttributeFilter:
    return lambda row: None if row.storage_class in passing else f"filtered: storage class {row.storage_class}"


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z").replace("T00:00:00Z", "")
