"""What new objects carry, as a function of what their sources carry and what the job gives them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from s3plan.schemas.requests.attributes import ALL_KEPT, NO_ATTRIBUTES, GivenAttributes, ObjectAttributes
from s3plan.storage.transfer.attributes.object_mapping import attributes_of_copy, attributes_of_file

SOURCE = ObjectAttributes(
    {"team": "media", "mtime": "1.5"}, {"ContentType": "text/x", "CacheControl": "no-store"}, {"class": "raw", "b": ""}
)
NAMES = st.sampled_from(["team", "mtime", "class", "b"])
ENTRIES = st.dictionaries(NAMES, st.sampled_from(["", "1", "\u00e9"]))
HEADERS = st.dictionaries(st.sampled_from(["ContentType", "CacheControl", "Expires"]), st.just("value"))
GIVEN = st.builds(
    GivenAttributes,
    st.booleans(),
    st.booleans(),
    st.booleans(),
    HEADERS,
    st.booleans(),
    ENTRIES,
    ENTRIES,
    st.frozensets(NAMES),
    st.frozensets(NAMES),
)


def test_without_a_word_all_of_it_is_kept_but_the_redirect_of_a_website() -> None:
    source = ObjectAttributes(SOURCE.metadata, {**SOURCE.headers, "WebsiteRedirectLocation": "/there"}, SOURCE.tags)
    assert attributes_of_copy(ALL_KEPT, "a.txt", source) == SOURCE


def test_what_is_set_wins_over_what_is_kept_and_what_is_dropped_is_gone() -> None:
    changes = GivenAttributes(
        headers={"CacheControl": "max-age=60"},
        metadata={"team": "print", "by": "s3plan"},
        tags={"class": "fine"},
        dropped_metadata=frozenset({"mtime"}),
        dropped_tags=frozenset({"b"}),
    )
    assert attributes_of_copy(changes, "a.txt", SOURCE) == ObjectAttributes(
        {"team": "print", "by": "s3plan"}, {"ContentType": "text/x", "CacheControl": "max-age=60"}, {"class": "fine"}
    )


def test_a_name_that_a_store_tells_in_capitals_is_the_same_name() -> None:
    source = ObjectAttributes({"Team": "media", "Mtime": "1"})
    changes = GivenAttributes(metadata={"team": "print"}, dropped_metadata=frozenset({"mtime"}))
    assert attributes_of_copy(changes, "a", source).metadata == {"team": "print"}


def test_a_guessed_type_is_that_of_the_key_where_its_ending_says_one() -> None:
    guessing = GivenAttributes(guesses_type=True)
    assert attributes_of_copy(guessing, "a.png", SOURCE).headers["ContentType"] == "image/png"
    assert attributes_of_copy(guessing, "a.unheard-of", SOURCE).headers["ContentType"] == "text/x"


def test_a_file_has_the_type_of_its_name_unless_one_is_given() -> None:
    assert attributes_of_file(ALL_KEPT, "a.png", mtime_ns=None) == ObjectAttributes(
        headers={"ContentType": "image/png"}
    )
    given_type = GivenAttributes(headers={"ContentType": "text/y"})
    assert attributes_of_file(given_type, "a.png", mtime_ns=None).headers == {"ContentType": "text/y"}
    assert attributes_of_file(ALL_KEPT, "a", mtime_ns=None) is NO_ATTRIBUTES


def test_the_time_of_a_file_goes_beside_the_metadata_that_are_set() -> None:
    changes = GivenAttributes(metadata={"team": "media"}, tags={"class": "raw"})
    made = attributes_of_file(changes, "a", mtime_ns=1_500_000_000)
    assert made == ObjectAttributes({"mtime": "1.5", "team": "media"}, {}, {"class": "raw"})


@given(GIVEN)
def test_a_copy_that_is_said_to_change_nothing_changes_nothing(changes: GivenAttributes) -> None:
    """A store copies that itself then, and must not come to anything else."""
    made = attributes_of_copy(changes, "a.png", SOURCE)
    if not changes.changes_metadata:
        assert (made.metadata, made.headers) == (SOURCE.metadata, SOURCE.headers)
    if not changes.changes_tags:
        assert made.tags == SOURCE.tags


@given(GIVEN)
def test_each_name_has_the_value_that_is_set_or_else_kept_and_no_other(changes: GivenAttributes) -> None:
    made = attributes_of_copy(changes, "a", SOURCE)
    for own, kept, keeps, values, dropped in (
        (made.metadata, SOURCE.metadata, changes.keeps_metadata, changes.metadata, changes.dropped_metadata),
        (made.tags, SOURCE.tags, changes.keeps_tags, changes.tags, changes.dropped_tags),
    ):
        for name in ("team", "mtime", "class", "b"):
            left = kept.get(name) if keeps and name not in dropped else None
            assert own.get(name) == values.get(name, left)
