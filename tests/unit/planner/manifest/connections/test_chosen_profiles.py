from pathlib import Path

import pytest
from s3plan.planner.manifest.connections.chosen_profiles import connection_name, with_profiles
from s3plan.planner.manifest.file import parse_manifest

JOBS = b"""
version: 1
name: jobs
defaults: { destination: { url: "s3://onto/" } }
jobs:
  a: { source: s3://from/a/, destination: { prefix: raw } }
  b: { source: ./folder }
  c: { source: { url: "s3://from/c/", connection: mine }, destination: "s3://onto/c/" }
connections: { mine: { region: eu-west-1 } }
"""


def test_only_places_in_buckets_that_name_no_connection_get_the_chosen_one() -> None:
    loaded = parse_manifest(JOBS, path=Path("/w/job.yaml"))
    chosen = with_profiles(loaded, {"": "mine", "mine": "theirs"})
    named = {name: [place.connection for place in job.places] for name, job in chosen.manifest.jobs.items()}
    assert named == {"a": ["mine-1", "mine-1"], "b": [None, "mine-1"], "c": ["mine", "mine-1"]}
    assert chosen.manifest.connections["mine-1"].profile == "mine"
    assert chosen.manifest.connections["mine"].profile == "theirs"
    assert chosen.manifest.connections["mine"].region == "eu-west-1"
    assert (chosen.text, chosen.sha256) == (loaded.text, loaded.sha256)
    again = parse_manifest(chosen.resolved.encode(), path=Path("/w/job.yaml"))
    assert again.manifest == chosen.manifest


def test_without_a_choice_nothing_changes() -> None:
    loaded = parse_manifest(JOBS, path=Path("/w/job.yaml"))
    assert with_profiles(loaded, {}) is loaded


@pytest.mark.parametrize(
    ("profile", "name"),
    [("prod", "prod"), ("a b/c", "a-b-c"), ("../x", "x"), ("é", "profile"), ("x" * 99, "x" * 50), ("taken", "taken-1")],
)
def test_a_profile_of_any_name_makes_a_connection(profile: str, name: str) -> None:
    assert connection_name(profile, taken=["taken"]) == name
