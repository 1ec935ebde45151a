"""Whose credentials each side has is learnt where AWS says it, shown with the plan, and held to at apply."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from fakes.command import Command
from fakes.s3server.process import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from fakes.sts import TokenService, sts
from fakes.workplace import Workplace
from unit.planfile.plan_samples import change

OURS, THEIRS = "111122223333", "444455556666"
KEYS = {"HERE_": ("AKIDHERE", "secret-of-here"), "THERE_": ("AKIDTHERE", "secret-of-there")}


@pytest.fixture
def tokens() -> Iterator[TokenService]:
    with sts(dict(KEYS.values()), accounts={"AKIDHERE": OURS, "AKIDTHERE": THEIRS}) as service:
        yield service


def command(place: Workplace, tokens: TokenService | None, **others: str) -> Command:
    said = {} if tokens is None else {"AWS_ENDPOINT_URL_STS": tokens.endpoint}
    for prefix, (key_id, secret) in KEYS.items():
        said |= {f"{prefix}ACCESS_KEY_ID": key_id, f"{prefix}SECRET_ACCESS_KEY": secret}
    return replace(place.command, variables={**place.command.variables, **said, **others})


def manifest(place: Workplace, engine: str = "auto") -> None:
    common = {"endpoint": place.server.endpoint, "region": "us-east-1", "engine": engine}
    place.manifest(
        source={"connection": "here"},
        destination={"connection": "there"},
        connections={"here": {**common, "env_prefix": "HERE_"}, "there": {**common, "env_prefix": "THERE_"}},
    )


def ready(place: Workplace, engine: str = "auto") -> None:
    place.seed("source", "a", "b", size_bytes=10)
    place.buckets("destination")
    manifest(place, engine)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("engine", ["native", "crt", "boto3"])
def test_the_plan_shows_the_account_of_each_side_and_the_service_is_asked_once_for_each(
    place: Workplace, tokens: TokenService, engine: str
) -> None:
    ready(place, engine)
    ours = command(place, tokens)
    planned = ours.run("plan", "job.yaml")
    assert planned.exit_code == 0, planned.output
    shown = ours.run("show")
    for text in (planned.stdout, shown.stdout):
        assert f"connection here (the variables HERE_*), account {OURS}" in " ".join(text.split())
        assert f"connection there (the variables THERE_*), account {THEIRS}" in " ".join(text.split())
    assert [(call.action, call.code) for call in tokens.calls] == [("GetCallerIdentity", "")] * 2
    header = json.loads(ours.run("show", "--json").stdout)["header"]
    assert header["accounts"] == [
        {"connection": "here", "account": OURS},
        {"connection": "there", "account": THEIRS},
    ]
    ended = ours.run("apply", "--yes")
    assert ended.exit_code == 0, ended.output
    place.assert_same_content()


def test_credentials_of_another_account_are_refused_at_apply_before_any_change(
    place: Workplace, tokens: TokenService
) -> None:
    ready(place)
    assert command(place, tokens).run("plan", "job.yaml").exit_code == 0
    place.server.reset_stats()
    others = {"THERE_ACCESS_KEY_ID": "AKIDHERE", "THERE_SECRET_ACCESS_KEY": KEYS["HERE_"][1]}
    ended = command(place, tokens, **others).run("apply", "--yes")
    assert ended.exit_code == 4, ended.output
    said = " ".join(ended.stderr.split())
    assert f"connection there: the plan was made with credentials of account {THEIRS}" in said
    assert f"these are of account {OURS}; use those again, or make a new plan" in said
    assert place.server.stats().requests.keys() <= {"HeadBucket"}
    assert command(place, tokens).run("apply", "--yes").exit_code == 0


def test_what_cannot_be_learnt_is_no_error_at_plan_nor_at_apply(place: Workplace, tokens: TokenService) -> None:
    ready(place)
    tokens.is_broken = True
    planned = command(place, tokens).run("plan", "job.yaml")
    assert planned.exit_code == 0, planned.output
    assert "account" not in planned.output
    assert accounts_of(place) == {"here": None, "there": None}
    tokens.is_broken = False
    assert command(place, tokens).run("apply", "--yes").exit_code == 0
    place.seed("source", "c", size_bytes=10)
    assert command(place, tokens).run("plan", "job.yaml").exit_code == 0
    tokens.is_broken = True
    assert command(place, tokens).run("apply", "--yes").exit_code == 0


def accounts_of(place: Workplace) -> dict[str, str | None]:
    return {each["connection"]: each.get("account") for each in header_of(place)["accounts"]}


def header_of(place: Workplace) -> dict[str, Any]:
    with closing(sqlite3.connect(place.plan_file)) as database:
        (text,) = database.execute("SELECT document FROM header").fetchone()
    header: dict[str, Any] = json.loads(text)
    return header


@pytest.mark.parametrize("left", [[], ["here"], ["there"]])
def test_a_plan_from_which_accounts_were_taken_is_refused_before_any_change(
    place: Workplace, tokens: TokenService, left: list[str]
) -> None:
    ready(place)
    assert command(place, tokens).run("plan", "job.yaml").exit_code == 0
    header = header_of(place)
    header["accounts"] = [each for each in header["accounts"] if each["connection"] in left]
    quoted = json.dumps(header).replace("'", "''")
    change(place.plan_file, f"UPDATE header SET document = '{quoted}'", reseal=True)
    place.server.reset_stats()
    ended = command(place, tokens).run("apply", place.plan_file, "--yes")
    assert ended.exit_code == 4, ended.output
    assert "the plan does not say with whose credentials it was made" in " ".join(ended.stderr.split())
    assert place.server.stats().requests.keys() <= {"HeadBucket"}
    assert place.keys("destination") == set()


def test_a_plan_made_where_no_token_service_is_configured_is_applied_where_one_is(
    place: Workplace, tokens: TokenService
) -> None:
    ready(place)
    assert command(place, None).run("plan", "job.yaml").exit_code == 0
    assert command(place, tokens).run("apply", "--yes").exit_code == 0
    place.assert_same_content()


def test_another_store_than_aws_is_told_nothing_and_nobody_is_asked(place: Workplace, tokens: TokenService) -> None:
    ready(place)
    told = command(place, None, AWS_ENDPOINT_URL=tokens.endpoint)  # of all services: so other stores are named
    planned = told.run("plan", "job.yaml")
    assert planned.exit_code == 0, planned.output
    assert "account" not in planned.stdout
    assert tokens.calls == []
    assert place.command.variables["AWS_ACCESS_KEY_ID"] == ACCESS_KEY_ID
    assert SECRET_ACCESS_KEY not in planned.output
