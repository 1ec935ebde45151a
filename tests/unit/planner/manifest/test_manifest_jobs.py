"""Manifests of several jobs: defaults, where findings stand, what jobs must be to each other, the resolved text."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest
from fakes.both_ends import destination_in
from hypothesis import given
from hypothesis import strategies as st
from s3plan.planner.manifest.file import LoadedManifest, parse_manifest
from s3plan.planner.manifest.findings.between_jobs import (
    dependency_order,
    findings_of_selected,
    mirrors_over_others,
    nearest_dependencies,
    store_by,
    with_dependencies,
)
from s3plan.planner.manifest.job import resolve_jobs
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.words import Mode, Overwrite
from s3plan.schemas.plan.rows import store_name

JOB = Path("job.yaml")
HEAD = "version: 1\nname: site\n"


def load(text: str) -> LoadedManifest:
    return parse_manifest((HEAD + dedent(text)).encode(), path=JOB)


def found(text: str) -> list[tuple[str, int, str]]:
    """Return key, line and message of each finding."""
    with pytest.raises(ManifestInvalid) as caught:
        load(text)
    return [(item.key, item.line, item.message) for item in caught.value.diagnostics]


TWO = """\
    defaults:
      overwrite: never
      filters: {include: ["*.a"], exclude: [tmp/]}
      destination: {connection: there, storage_class: STANDARD_IA}
    connections: {there: {profile: p}, here: {profile: q}}
    jobs:
      one:
        source: {url: s3://from/one/, connection: there}
        destination: s3://dest/one/
      two:
        source: {url: s3://from/two/, connection: there}
        destination: {url: s3://dest/two/, storage_class: STANDARD}
        overwrite: always
        filters: {include: ["*.b"]}
        depends_on: one
    """


def test_defaults_stand_in_each_job_that_says_nothing_else() -> None:
    jobs = load(TWO.replace(", here: {profile: q}", "")).manifest.jobs
    one, two = jobs["one"], jobs["two"]
    assert (one.overwrite, two.overwrite) == (Overwrite.NEVER, Overwrite.ALWAYS)
    assert (one.filters.include, two.filters.include) == (("*.a",), ("*.b",))
    assert one.filters.exclude == two.filters.exclude == ("tmp/",)
    assert (destination_in(one).connection, destination_in(one).bucket) == ("there", "dest")
    assert (destination_in(one).storage_class, destination_in(two).storage_class) == ("STANDARD_IA", "STANDARD")
    assert (one.depends_on, two.depends_on) == ((), ("one",))


def test_one_job_is_a_map_with_one_entry_of_the_manifest_s_name() -> None:
    loaded = load("source: s3://aaa/\ndestination: s3://bbb/\n")
    assert list(loaded.manifest.jobs) == ["site"]
    assert [job.name for job in resolve_jobs(loaded.manifest)] == ["site"]


def test_a_finding_stands_where_the_value_was_written() -> None:
    assert found("""\
        defaults:
          overwrite: sometimes
        jobs:
          one:
            source: s3://from/one/
            destination: s3://dest/one/
          two:
            source: s3://from/two/
            destination: s3://dest/two/
            overwrite: never
            mode: moved
        """) == [
        ("defaults.overwrite", 4, "needs one of never, if-different, if-newer, if-size-differs, always"),
        ("jobs.two.mode", 13, "needs one of copy, mirror, move, delete"),
    ]


def test_both_places_are_told_where_a_job_and_its_defaults_clash() -> None:
    assert found("""\
        defaults:
          delete: {extraneous: true}
        jobs:
          one:
            source: s3://from/one/
            destination: s3://dest/one/
            mode: copy
        """) == [
        ("defaults.delete", 4, "mode: copy never deletes, so this would have no effect"),
        (
            "jobs.one.mode",
            9,
            "does not go with defaults.delete in line 4: mode: copy never deletes, so this would have no effect",
        ),
    ]


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("jobs: {}", "jobs", "names no job"),
        ("jobs: [a]", "jobs", "needs a mapping, not a list"),
        ("jobs: {a: s3://x/}", "jobs.a", "needs a mapping, not a single value"),
        ("jobs: {A b: {source: s3://from/, destination: s3://dest/}}", "jobs.A b", "the name needs lower-case letters"),
        (
            "defaults: [x]\njobs: {a: {source: s3://from/, destination: s3://dest/}}",
            "defaults",
            "needs a mapping, not a list",
        ),
        (
            "defaults: {depends_on: a}\njobs: {a: {source: s3://from/, destination: s3://dest/}}",
            "defaults.depends_on",
            "each job says itself",
        ),
        ("source: s3://x/\njobs: {a: {source: s3://from/, destination: s3://dest/}}", "source", "unknown key"),
        ("jobs: {a: {source: s3://from/, destination: s3://dest/, run: {}}}", "jobs.a.run", "unknown key"),
        ("jobs: {a: {source: s3://from/}}", "jobs.a.destination", "is missing"),
        ("source: s3://from/\ndestination: s3://dest/\ndepends_on: x", "depends_on", "unknown key"),
    ],
)
def test_what_is_no_map_of_jobs_is_told_at_its_place(text: str, key: str, message: str) -> None:
    findings = found(text)
    assert (findings[0][0], message in findings[0][2]) == (key, True), findings


def jobs_of(**more: str) -> str:
    """Return jobs `a` to `d` in folders of their own, with what is said of each."""
    places = {name: f"source: s3://from/{name}/, destination: s3://dest/{name}/" for name in "abcd"}
    lines = [f"  {name}: {{{place}{more.get(name, '')}}}" for name, place in places.items()]
    return "\n".join(["jobs:", *lines, ""])


def test_jobs_that_wait_for_each_other_are_named_in_their_circle() -> None:
    findings = found(jobs_of(a=", depends_on: c", b=", depends_on: a", c=", depends_on: b"))
    assert [message for _, _, message in findings] == ["the jobs wait for each other in a circle: a -> c -> b -> a"]
    ((key, _, message),) = found(jobs_of(a=", depends_on: [d, e]"))
    assert (key, message) == ("jobs.a.depends_on[1]", "there is no job e")


def test_jobs_come_after_what_they_depend_on_and_as_written_where_that_leaves_a_choice() -> None:
    manifest = load(jobs_of(a=", depends_on: [d]", c=", depends_on: [b, a]")).manifest
    assert dependency_order(manifest, manifest.jobs) == ("b", "d", "a", "c")
    assert dependency_order(manifest, ["c", "a"]) == ("a", "c")
    assert with_dependencies(manifest, ["c"]) == {"a", "b", "c", "d"}
    assert [job.depends_on for job in resolve_jobs(manifest, ["a", "c"])] == [(), ("a",)]


OUTER = "source: s3://from/, destination: s3://dest/site/"
INNER = "source: s3://other/, destination: s3://dest/site/assets/"
IS_MIRROR = ", mode: mirror, delete: {extraneous: true}"


@pytest.mark.parametrize(
    ("outer", "inner", "hint"),
    [
        (IS_MIRROR, "", 'write exclude: ["/assets/"] in the filters of job outer'),
        ("", IS_MIRROR, 'write exclude: ["/assets/"] in the filters of job outer'),
        (IS_MIRROR + ', filters: {exclude: ["/asset?/*.x"]}', "", 'write exclude: ["/assets/"]'),
        (IS_MIRROR + ', filters: {exclude: ["/assets/", "!/assets/"]}', "", 'write exclude: ["/assets/"]'),
    ],
)
def test_a_mirror_may_not_delete_what_another_job_writes(outer: str, inner: str, hint: str) -> None:
    text = f"jobs:\n  outer: {{{OUTER}{outer}}}\n  inner: {{{INNER}{inner}}}\n"
    with pytest.raises(ManifestInvalid) as caught:
        load(text)
    (finding,) = caught.value.diagnostics
    assert finding.key == "jobs.inner.destination"
    assert "lies within the destination of job outer" in finding.message
    assert finding.hint is not None
    assert hint in finding.hint


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("", ""),
        (IS_MIRROR + ', filters: {exclude: ["/assets/"]}', ""),
        (IS_MIRROR + ", filters: {exclude: [assets]}", IS_MIRROR),
        (', filters: {exclude: ["a*"]}', IS_MIRROR),
    ],
)
def test_a_job_that_leaves_the_other_s_folder_out_may_be_a_mirror(outer: str, inner: str) -> None:
    assert load(f"jobs:\n  outer: {{{OUTER}{outer}}}\n  inner: {{{INNER}{inner}}}\n").manifest.jobs


def test_two_jobs_of_one_destination_cannot_be_mirrors() -> None:
    findings = found(
        f"jobs:\n  one: {{{OUTER}{IS_MIRROR}}}\n  two: {{source: s3://x-y/, destination: s3://dest/site/}}\n"
    )
    assert ["is the destination of job" in message for _, _, message in findings] == [True]


def test_a_job_may_not_read_what_one_that_is_selected_with_it_writes() -> None:
    manifest = load("""\
        jobs:
          a: {source: s3://from/a/, destination: s3://middle/a/}
          b: {source: s3://middle/, destination: s3://dest/b/}
        """).manifest
    assert list(findings_of_selected(manifest, ["a"], store_by(manifest))) == []
    assert list(findings_of_selected(manifest, ["b"], store_by(manifest))) == []
    (finding,) = findings_of_selected(manifest, ["a", "b"], store_by(manifest))
    assert (finding.path, finding.hint) == (
        ("jobs", "b", "source", "url"),
        "plan and apply them in turn: --select a, then --select b",
    )


def test_a_connection_that_no_job_uses_is_a_warning() -> None:
    (warning,) = load(TWO).warnings
    assert (warning.key, warning.message) == (
        "connections.here",
        "no source or destination of any job uses this connection",
    )


def test_the_resolved_text_has_the_jobs_with_all_that_they_take() -> None:
    loaded = load(TWO.replace(", here: {profile: q}", ""))
    assert "defaults" not in loaded.resolved
    again = parse_manifest(loaded.resolved.encode(), path=JOB)
    assert again.manifest == loaded.manifest
    assert again.resolved == loaded.resolved


_TEXTS = st.one_of(
    st.sampled_from(
        ["true", "null", "~", "0x1F", "1e3", "2024-01-01", "- a", "a: b", "#x", "'", '"', "*", "&x", "!t", "\u2028x"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n$"), min_size=1, max_size=12),
)


@given(st.lists(_TEXTS, min_size=1, max_size=4), st.booleans())
def test_any_text_of_a_manifest_reads_the_same_from_the_resolved_one(patterns: list[str], is_of_jobs: bool) -> None:
    job = {
        "source": "s3://from/a/",
        "destination": "s3://dest/a/",
        "filters": {"exclude": [f"x{each}" for each in patterns]},
    }
    document = {"version": 1, "name": "site"} | ({"jobs": {"one": job}} if is_of_jobs else job)
    text = json.dumps(document, ensure_ascii=True)
    try:
        loaded = parse_manifest(text.encode(), path=JOB)
    except ManifestInvalid:
        return  # a pattern that cannot be meant
    again = parse_manifest(loaded.resolved.encode(), path=JOB)
    assert again.manifest == loaded.manifest


def test_a_job_may_have_a_name_that_looks_like_a_note() -> None:
    assert list(load(jobs_of().replace("  b:", "  x-b:")).manifest.jobs) == ["a", "x-b", "c", "d"]
    one = parse_manifest(b"version: 1\nname: x-files\nsource: s3://aaa/\ndestination: s3://bbb/\n", path=JOB)
    assert parse_manifest(one.resolved.encode(), path=JOB).manifest == one.manifest


def test_defaults_that_make_too_much_of_many_jobs_are_refused_before_there_is_a_plan() -> None:
    job = "{source: s3://from/NAME/, destination: s3://dest/NAME/}"
    jobs = "".join(f"  j{number}: {job.replace('NAME', str(number))}\n" for number in range(120))
    with pytest.raises(ManifestInvalid, match="with its defaults put into each job, the file is larger than 1 MiB"):
        load(f"defaults: {{description: {'x' * 9_900}}}\njobs:\n{jobs}")


def test_what_a_job_depends_on_through_others_counts_where_these_are_not_planned() -> None:
    manifest = load(jobs_of(b=", depends_on: a", c=", depends_on: b", d=", depends_on: [c, a]")).manifest
    assert nearest_dependencies(manifest, "c", ["a", "c"]) == ("a",)
    assert nearest_dependencies(manifest, "d", ["a", "b", "d"]) == ("a", "b")
    assert nearest_dependencies(manifest, "b", ["b", "c", "d"]) == ()


def test_one_store_under_two_names_is_one_store() -> None:
    """What the environment leads to is asked when it is known; AWS has many names."""
    manifest = load(f"""\
        connections: {{other: {{endpoint: "https://store.example"}}}}
        jobs:
          outer: {{{OUTER}{IS_MIRROR}}}
          inner:
            source: {{url: s3://other/, connection: other}}
            destination: {{url: s3://dest/site/assets/, connection: other}}
        """).manifest
    assert list(mirrors_over_others(manifest, store_by(manifest))) == []
    assert len(list(mirrors_over_others(manifest, lambda place: "store.example:443"))) == 1
    assert store_name("https://s3.eu-west-1.amazonaws.com") == store_name(None) == ""
    assert store_name("https://store.example") == store_name("https://store.example:443/")
    assert store_name("https://store.example") != store_name("https://store.example:8443")


def test_a_hint_names_the_folder_and_no_pattern() -> None:
    text = f"""\
        jobs:
          outer: {{source: s3://from/, destination: s3://dest/{IS_MIRROR}}}
          inner: {{source: s3://other/, destination: {{url: s3://dest/, prefix: "a[b]/raw"}}}}
        """
    with pytest.raises(ManifestInvalid) as caught:
        load(text)
    assert caught.value.diagnostics[0].hint == 'write exclude: ["/a\\[b]/"] in the filters of job outer'
    assert load(text.replace(IS_MIRROR, IS_MIRROR + ", filters: {exclude: ['/a\\[b]/']}")).manifest.jobs


@pytest.mark.parametrize(
    "value",
    ["012", "a b", "50%", "-1", "a#b", "'it''s'", '"\\x41"', "|\n    x\n    y", ">-\n    x\n    y", "x\n\n    y"],
)
def test_a_value_keeps_whether_it_was_quoted(value: str) -> None:
    loaded = load(f"description: {value}\nsource: s3://aaa/\ndestination: s3://bbb/\nguards: {{max_overwrite: 5}}\n")
    again = parse_manifest(loaded.resolved.encode(), path=JOB)
    assert again.manifest == loaded.manifest
    assert again.manifest.jobs["site"].mode is Mode.COPY
