from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s3plan.planner.filtering.filters import compile_attribute_filter, compile_key_filter
from s3plan.planner.filtering.patterns import PatternInvalid
from s3plan.schemas.manifest.models import Filters
from s3plan.schemas.objects import ObjectRow

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp()) * 1000
HOUR_MS = 3_600_000

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="compares with git, which is not installed")


def filters(**data: object) -> Filters:
    return Filters.model_validate(data)


def passing(keys: Sequence[bytes], **data: object) -> list[bytes]:
    passes = compile_key_filter(filters(**data))
    return [key for key in keys if passes is None or passes(key)]


def row(**data: Any) -> ObjectRow:
    return ObjectRow(b"k", 10, "e", NOW_MS)._replace(**data)


def test_without_filters_nothing_is_asked() -> None:
    assert compile_key_filter(Filters()) is None
    assert compile_attribute_filter(Filters(), now_ms=NOW_MS) is None


def test_a_key_must_be_included_have_an_extension_and_not_be_excluded() -> None:
    keys = [b"a.jpg", b"in/a.jpg", b"in/a.png", b"in/tmp/a.jpg", b"in/a.tar.gz", b"in/.jpg"]
    kept = passing(keys, include=["in/"], exclude=["tmp/"], extensions=["jpg", ".tar.gz"])
    assert kept == [b"in/a.jpg", b"in/a.tar.gz", b"in/.jpg"]


def test_an_extension_is_the_end_of_a_key_and_case_counts() -> None:
    keys = [b"a.jpg", b"a.JPG", b"ajpg", b"a.jpg/b", b"\xff.jpg"]
    assert passing(keys, extensions=["jpg"]) == [b"a.jpg", b"\xff.jpg"]


def test_nothing_below_an_excluded_folder_comes_back() -> None:
    keys = [b"build/a", b"build/ignore.log", b"logs/keep.txt", b"x.log", b"keep.log", b"src/build"]
    assert passing(keys, exclude=["build", "!build/ignore.log"]) == [b"logs/keep.txt", b"x.log", b"keep.log"]
    assert passing(keys, exclude=["/logs/", "!/logs/keep.txt"]) == [k for k in keys if not k.startswith(b"logs/")]


def test_what_lies_in_a_folder_that_is_not_itself_excluded_comes_back() -> None:
    keys = [b"logs/a", b"logs/keep.txt", b"logs/old/keep.txt", b"x.log", b"keep.log"]
    assert passing(keys, exclude=["/logs/*", "!/logs/keep.txt"]) == [b"logs/keep.txt", b"x.log", b"keep.log"]
    assert passing(keys, exclude=["*.log", "!keep.log"]) == [k for k in keys if k != b"x.log"]


def test_include_may_take_back_a_folder_and_include_again_below_it() -> None:
    keys = [b"photos/a", b"photos/raw/b", b"photos/raw/keep", b"other"]
    assert passing(keys, include=["photos/", "!photos/raw/"]) == [b"photos/a"]
    assert passing(keys, include=["photos/", "!raw/", "keep"]) == [b"photos/a", b"photos/raw/keep"]


def test_the_last_pattern_that_matches_decides() -> None:
    keys = [b"a.jpg", b"secret.jpg", b"secret.png"]
    assert passing(keys, include=["*.jpg", "!secret.*", "*.png"]) == [b"a.jpg", b"secret.png"]


def test_an_include_of_nothing_but_exceptions_is_refused() -> None:
    with pytest.raises(PatternInvalid, match="exclude"):
        compile_key_filter(filters(include=["!*.tmp"]))


def test_an_exclude_of_nothing_but_exceptions_excludes_nothing() -> None:
    assert passing([b"a", b"tmp/a"], exclude=["!tmp/"]) == [b"a", b"tmp/a"]


ODD_KEYS = [b"/lead", b"//", b"a//b", b"./x", b"../x", b".", b"..", b"dir/", b"a\nb", b"\xff", b"x/\n/y", b"/" * 1024]


@pytest.mark.parametrize("exception", [[], ["!nothing-of-this-name"], ["!folder-of-no-such-name/"]])
def test_odd_keys_are_matched_alike_with_and_without_exceptions(exception: list[str]) -> None:
    def left_out(*patterns: str) -> list[bytes]:
        kept = passing(ODD_KEYS, exclude=[*patterns, *exception])
        return [key for key in ODD_KEYS if key not in kept]

    assert left_out("lead") == [b"/lead"]
    assert left_out("/lead") == []
    assert left_out("//lead") == [b"/lead"]
    assert left_out("dir/") == [b"dir/"]
    assert left_out("/dir") == [b"dir/"]
    assert left_out("a/b") == []
    assert left_out("a//b") == [b"a//b"]
    assert left_out("a/") == [b"a//b"]
    assert left_out("x") == [b"./x", b"../x", b"x/\n/y"]
    assert left_out("/x") == [b"x/\n/y"]
    assert left_out(".") == [b"./x", b"."]
    assert left_out("..") == [b"../x", b".."]
    assert left_out("..*") == [b"../x", b".."]
    assert left_out("*") == ODD_KEYS
    assert left_out("**/") == [key for key in ODD_KEYS if b"/" in key]
    assert left_out("[!a-z.]") == [b"\xff", b"x/\n/y"]


name = st.sampled_from(["a", "b", "ab", "a.b", "tmp", "b-1", "x y"])
path = st.lists(name, min_size=1, max_size=4).map("/".join)
glob = st.sampled_from(
    ["a", "b", "ab", "*", "*.b", "a*", "?", "a?b", "[ab]", "[!a]", "**", "tmp", "b-[0-9]", "*b*", "?**", "\\a", "x y"]
)
pattern = st.builds(
    lambda negated, start, segments, end: f"{negated}{start}{'/'.join(segments)}{end}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "", "/", "**/"]),
    st.lists(glob, min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**"]),
)


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    folder = tmp_path_factory.mktemp("git")
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "LC_ALL": "C"}

    def run(*words: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            ["git", *words], cwd=folder, input=given, env=environment, capture_output=True, check=False
        )
        assert done.returncode in {0, 1}, done.stderr.decode()
        return done.stdout

    run("init", "--quiet", ".")
    return run


@needs_git
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patterns=st.lists(pattern, min_size=1, max_size=5), paths=st.lists(path, min_size=1, max_size=20, unique=True))
def test_exclude_leaves_out_what_git_ignores(
    git: Callable[..., bytes], tmp_path: Path, patterns: list[str], paths: list[str]
) -> None:
    file = tmp_path / "exclude"
    file.write_text("\n".join(patterns) + "\n")
    asked = "".join(f"{path}\0" for path in paths).encode()
    ignored = git("-c", f"core.excludesFile={file}", "check-ignore", "--no-index", "--stdin", "-z", given=asked)
    keys = [path.encode() for path in paths]
    kept = passing(keys, exclude=patterns)
    assert sorted(set(keys) - set(kept)) == sorted(ignored.split(b"\0")[:-1])


def without_folders(paths: list[str]) -> list[str]:
    return sorted(path for path in paths if not any(other.startswith(f"{path}/") for other in paths))


@needs_git
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    patterns=st.lists(pattern, min_size=1, max_size=5).filter(lambda them: not all(p.startswith("!") for p in them)),
    paths=st.lists(path, min_size=1, max_size=20, unique=True).map(without_folders),
)
def test_include_keeps_what_git_checks_out_sparsely(
    git: Callable[..., bytes], patterns: list[str], paths: list[str]
) -> None:
    empty = git("hash-object", "-w", "--stdin").decode().strip()
    git("sparse-checkout", "disable")
    git("read-tree", "--empty")
    git("clean", "-fdxq")
    git("update-index", "--index-info", given="".join(f"100644 {empty}\t{path}\n" for path in paths).encode())
    git("sparse-checkout", "set", "--no-cone", "--stdin", given=("\n".join(patterns) + "\n").encode())
    listed = git("ls-files", "-t", "-z").split(b"\0")[:-1]
    assert passing([path.encode() for path in paths], include=patterns) == [
        entry[2:] for entry in listed if entry.startswith(b"H ")
    ]


@settings(max_examples=300)
@given(
    patterns=st.lists(pattern.filter(lambda p: not p.startswith("!")), min_size=1, max_size=4),
    key=st.lists(st.sampled_from([b"a", b"b", b"/", b"//", b".", b"tmp", b"\n", b"\xff"]), max_size=10).map(b"".join),
)
def test_an_exception_that_matches_nothing_changes_nothing(patterns: list[str], key: bytes) -> None:
    exception = "!no-key-has-this-name"
    assert passing([key], include=patterns) == passing([key], include=[*patterns, exception])
    assert passing([key], exclude=patterns) == passing([key], exclude=[*patterns, exception])


@pytest.mark.parametrize(
    ("data", "given_row", "rule"),
    [
        ({"size": {"min": "1KiB"}}, row(size_bytes=1023), "filtered: size below 1KiB"),
        ({"size": {"min": "1KiB"}}, row(size_bytes=1024), None),
        ({"size": {"max": "50GiB"}}, row(size_bytes=50 * 2**30), None),
        ({"size": {"max": "50GiB"}}, row(size_bytes=50 * 2**30 + 1), "filtered: size above 50GiB"),
        (
            {"modified": {"after": "2024-01-01"}},
            row(mtime_ms=1_704_067_199_999),
            "filtered: modified before 2024-01-01",
        ),
        ({"modified": {"after": "2024-01-01"}}, row(mtime_ms=1_704_067_200_000), None),
        ({"modified": {"before": "2024-01-01"}}, row(mtime_ms=1_704_067_199_999), None),
        (
            {"modified": {"before": "2024-01-01T00:00:00Z"}},
            row(mtime_ms=1_704_067_200_000),
            "filtered: modified at or after 2024-01-01",
        ),
        ({"modified": {"newer_than": "12h"}}, row(mtime_ms=NOW_MS - 12 * HOUR_MS), None),
        ({"modified": {"newer_than": "12h"}}, row(mtime_ms=NOW_MS - 12 * HOUR_MS - 1), "filtered: older than 12h"),
        ({"modified": {"older_than": "30d"}}, row(mtime_ms=NOW_MS - 30 * 24 * HOUR_MS - 1), None),
        ({"modified": {"older_than": "30d"}}, row(mtime_ms=NOW_MS - 30 * 24 * HOUR_MS), "filtered: not older than 30d"),
        ({"modified": {"older_than": "30d"}}, row(mtime_ms=NOW_MS + HOUR_MS), "filtered: not older than 30d"),
        ({"storage_class": ["STANDARD", "STANDARD_IA"]}, row(storage_class="STANDARD_IA"), None),
        ({"storage_class": "STANDARD"}, row(storage_class="GLACIER"), "filtered: storage class GLACIER"),
        (
            {"size": {"min": "1B"}, "storage_class": "STANDARD"},
            row(storage_class="GLACIER"),
            "filtered: storage class GLACIER",
        ),
        ({"size": {"min": "1B"}, "storage_class": "STANDARD"}, row(size_bytes=0), "filtered: size below 1B"),
        ({"size": {"min": "1B"}, "storage_class": "STANDARD"}, row(), None),
    ],
)
def test_an_attribute_filter_says_why_an_object_is_left_out(
    data: dict[str, object], given_row: ObjectRow, rule: str | None
) -> None:
    objection = compile_attribute_filter(filters(**data), now_ms=NOW_MS)
    assert objection is not None
    assert objection(given_row) == rule
