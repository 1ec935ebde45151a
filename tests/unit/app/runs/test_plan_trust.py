"""What a plan may choose only if the user's own files say so too, and which plans are picked without being named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from fakes.planted_files import SOMEBODY_ELSE, give_away
from s3plan.app.paths import connections_path
from s3plan.app.plans.choosing import Purpose, chosen_plan
from s3plan.app.requests import ApplyRequest
from s3plan.app.runs import checks
from s3plan.app.runs.checks import changed_manifest, check_endpoints, check_may_apply
from s3plan.app.runs.kept_manifest import resolved_manifest
from s3plan.planfile.reader import open_plan
from s3plan.planner.manifest.file import parse_manifest
from s3plan.planner.manifest.job import resolve_jobs, run_record
from s3plan.schemas.errors import GuardRefused, PlanDamaged, PlanRefused, UsageInvalid
from s3plan.schemas.manifest.connections import Connection
from unit.planfile.plan_samples import change, copies, header, write_plan

MANIFEST = """\
version: 1
name: images
source: {{url: "s3://from/images/", connection: backup}}
destination: {{url: "s3://too/dr/", connection: backup}}
connections:
  backup: {connection}
"""
ENDPOINT = "https://s3.example.com"


def manifest(connection: dict[str, object]) -> str:
    return MANIFEST.format(connection=json.dumps(connection))


def forge(
    path: Path, connection: dict[str, object], *, manifest_path: str = "job.yaml", shown: str = "", resolved: str = ""
) -> Path:
    """A plan whose connection `backup` is what somebody likes; its digests agree."""
    write_plan(path, copied=copies(b"a"))
    text = manifest(connection)
    loaded = parse_manifest(text.encode(), path=Path("job.yaml"))
    (job,) = resolve_jobs(loaded.manifest)
    document = json.loads(header(actions=1, size_bytes=7).model_dump_json(exclude_none=True))
    document["jobs"][0]["settings"] = job.settings.model_dump(mode="json", exclude_none=True)
    document["run"] = run_record(loaded.manifest.run).model_dump(mode="json", exclude_none=True)
    digest = sha256(text.encode()).hexdigest()
    document["manifest"] = {
        "path": manifest_path,
        "sha256": digest,
        "text": shown or text,
        "resolved": resolved or text,
    }
    quoted = json.dumps(document).replace("'", "''")
    endpoint = connection.get("endpoint")
    change(
        path,
        f"UPDATE header SET document = '{quoted}'",
        "UPDATE location SET bucket = 'too', url = 's3://too/dr/' WHERE id = 2",
        f"UPDATE location SET endpoint = {'NULL' if endpoint is None else repr(endpoint)}, connection = 'backup'",
        reseal=True,
    )
    return path


def judge(path: Path, *, expects: bool = False) -> None:
    with open_plan(path) as plan:
        request = ApplyRequest(plan=path, expect=plan.digest if expects else None)
        check_endpoints(plan, request, resolved_manifest(plan).manifest)


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        ({"endpoint": ENDPOINT}, f"leads to {ENDPOINT}"),
        ({"profile": "admin"}, "connection backup with credentials"),
        ({"env_prefix": "ADMIN_"}, "connection backup with credentials"),
        ({"role_arn": "arn:aws:iam::111122223333:role/theirs"}, "connection backup with credentials"),
        ({"tls_verify": False}, "certificates"),
        ({"ca_bundle": "/certs/theirs.pem"}, "certificates"),
        ({"allow_http": True}, "certificates"),
        ({"anonymous": True}, "connection backup with credentials"),
        ({"requester_pays": True}, "or costs"),
        ({"accelerate": True}, "or costs"),
    ],
)
def test_where_requests_go_and_who_signs_them_is_not_the_plans_choice(
    tmp_path: Path, connection: dict[str, object], message: str
) -> None:
    path = forge(tmp_path / "a.s3plan", connection)
    with pytest.raises(PlanRefused, match=message) as refusal:
        judge(path)
    assert "--expect" in str(refusal.value)
    judge(path, expects=True)
    (tmp_path / "job.yaml").write_text(manifest({"region": "eu-west-1"}))
    with pytest.raises(PlanRefused, match=message):
        judge(path)
    (tmp_path / "job.yaml").write_text(manifest(connection))
    judge(path)


NO_MATTER = {"region", "addressing_style", "engine", "dualstack"}


def test_every_key_of_a_connection_is_held_against_what_the_user_names_or_cannot_do_harm() -> None:
    assert set(Connection.model_fields) - set(checks._Trust._fields) <= NO_MATTER


def test_the_users_own_connections_speak_for_a_plan(tmp_path: Path) -> None:
    path = forge(tmp_path / "a.s3plan", {"endpoint": ENDPOINT, "profile": "admin"})
    own = connections_path()
    own.parent.mkdir(mode=0o700, parents=True)
    own.touch(0o600)
    for text in (f"mine: {{ endpoint: '{ENDPOINT}' }}", "mine: { profile: admin }", "mine: { secret_key: x }"):
        own.write_text(f"connections: {{ {text} }}")
        with pytest.raises(PlanRefused, match="nor do your own connections"):
            judge(path)
    own.write_text(f"connections: {{ mine: {{ endpoint: '{ENDPOINT}', profile: admin }} }}")
    judge(path)
    own.chmod(0o666)
    with pytest.raises(PlanRefused, match="nor do your own connections"):
        judge(path)


def test_what_does_not_matter_may_differ(tmp_path: Path) -> None:
    path = forge(tmp_path / "a.s3plan", {"endpoint": ENDPOINT, "engine": "boto3", "region": "us-east-1"})
    (tmp_path / "job.yaml").write_text(manifest({"endpoint": ENDPOINT, "addressing_style": "virtual"}))
    judge(path)


def test_a_plan_does_not_choose_which_manifest_speaks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest's path is a text of the plan; it may lead to a file that somebody else has laid somewhere."""
    theirs, mine = tmp_path / "elsewhere" / "theirs.yaml", tmp_path / "work"
    for folder in (theirs.parent, mine):
        folder.mkdir()
    monkeypatch.chdir(mine)
    theirs.write_text(manifest({"endpoint": ENDPOINT}))
    paths = (str(theirs), "../elsewhere/theirs.yaml")
    for manifest_path in paths:
        judge(forge(mine / "a.s3plan", {"endpoint": ENDPOINT}, manifest_path=manifest_path))
    give_away(theirs)
    for manifest_path in paths:
        with pytest.raises(PlanRefused, match="leads to"):
            judge(forge(mine / "a.s3plan", {"endpoint": ENDPOINT}, manifest_path=manifest_path))


@pytest.mark.parametrize("name", ["a\0b", "a" * 100_000, "a/" * 3_000 + "b", "", "..", "/", "circle/job.yaml"])
def test_a_manifest_whose_name_no_file_can_have_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "circle").symlink_to("circle")
    path = forge(tmp_path / "a.s3plan", {"endpoint": ENDPOINT}, manifest_path=name)
    with open_plan(path) as plan:
        assert changed_manifest(plan) is None
    with pytest.raises(PlanRefused, match="which no manifest next to it names, nor do your own"):
        judge(path)


def test_of_a_file_that_a_plan_calls_its_manifest_no_more_is_read_than_a_manifest_has(tmp_path: Path) -> None:
    path = forge(tmp_path / "a.s3plan", {}, manifest_path="disk.img")
    with (tmp_path / "disk.img").open("wb") as file:
        file.truncate(1 << 40)  # no disk holds it: reading it would take hours
    with open_plan(path) as plan:
        assert "has changed since this plan was made" in str(changed_manifest(plan))


def test_what_the_plan_shows_as_its_manifest_does_not_speak_for_what_it_works_by(tmp_path: Path) -> None:
    """A forger may keep the user's own text, and have another one be what is applied."""
    mine = manifest({"region": "eu-west-1"})
    path = forge(tmp_path / "a.s3plan", {"endpoint": ENDPOINT}, shown=mine)
    (tmp_path / "job.yaml").write_text(mine)
    with pytest.raises(PlanRefused, match="leads to"):
        judge(path)


@pytest.mark.parametrize(
    ("said", "forged"),
    [
        ("connection: backup", "connection: evil"),
        ("s3://too/dr/", "s3://too/elsewhere/"),
        ("name: images", "name: other"),
    ],
)
def test_a_manifest_that_leads_elsewhere_than_the_plan_shows_is_refused(tmp_path: Path, said: str, forged: str) -> None:
    text = manifest({"region": "eu-west-1"}) + "  evil: {endpoint: https://evil.example}\n"
    assert said in text
    judge(forge(tmp_path / "a.s3plan", {"region": "eu-west-1"}, resolved=text))
    path = forge(tmp_path / "b.s3plan", {"region": "eu-west-1"}, resolved=text.replace(said, forged))
    with pytest.raises(PlanRefused, match="works by a manifest that is not the one"):
        judge(path)


def test_a_plan_with_places_that_no_screen_shows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=copies(b"a"))
    change(
        path,
        "INSERT INTO location"
        " (id, kind, url, connection, bucket, prefix, follows, has_short_stamps, stays_on_device, store)"
        " VALUES (3, 's3', 's3://third/', '', 'third', '', 0, 0, 0, 'aws')",
        reseal=True,
    )
    with pytest.raises(PlanDamaged, match="no job reads or writes its location 3"):
        open_plan(path)


def test_the_plan_of_somebody_else_is_not_picked(tmp_path: Path) -> None:
    theirs, mine = tmp_path / "a.s3plan", tmp_path / "b.s3plan"
    write_plan(theirs, copied=copies(b"a"))
    write_plan(mine, copied=copies(b"a"))
    give_away(theirs)
    assert chosen_plan(None, Purpose.APPLY, directory=tmp_path) == mine
    mine.unlink()
    with pytest.raises(UsageInvalid, match=rf"a\.s3plan belongs to another user \({SOMEBODY_ELSE}\); name the plan"):
        chosen_plan(None, Purpose.APPLY, directory=tmp_path)


def test_a_plan_that_others_may_write_or_that_is_a_link_is_not_picked(tmp_path: Path) -> None:
    theirs, mine = tmp_path / "a.s3plan", tmp_path / "b.s3plan"
    write_plan(theirs, copied=copies(b"a"))
    write_plan(mine, copied=copies(b"a"))
    theirs.chmod(0o666)
    assert chosen_plan(None, Purpose.APPLY, directory=tmp_path) == mine
    theirs.unlink()
    theirs.symlink_to(mine)
    assert chosen_plan(None, Purpose.APPLY, directory=tmp_path) == mine


def test_a_plan_whose_name_is_no_text_is_not_picked(tmp_path: Path) -> None:
    mine = tmp_path / "b.s3plan"
    write_plan(tmp_path / "a\ns3plan: error: all is well.s3plan", copied=copies(b"a"))
    write_plan(mine, copied=copies(b"a"))
    assert chosen_plan(None, Purpose.APPLY, directory=tmp_path) == mine


def test_what_a_plan_says_it_loses_is_told_in_one_line_whatever_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.s3plan"
    write_plan(path, copied=copies(b"a"))
    document = json.loads(header(actions=1, size_bytes=7).model_dump_json(exclude_none=True))
    document["jobs"][0]["losses"] = [{"what": "tags\nDone", "reason": "a\x1b[31m\nDone: 1 done."}]
    quoted = json.dumps(document).replace("'", "''")
    change(path, f"UPDATE header SET document = '{quoted}'", reseal=True)
    with open_plan(path) as plan, pytest.raises(GuardRefused) as refusal:
        check_may_apply(plan, now=datetime.now(UTC))
    assert str(refusal.value).isprintable()
