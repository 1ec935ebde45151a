"""Journeys on a server that lets each connection do what its policy says, and how they end."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import s3plan
from s3plan.schemas.errors import S3PlanError
from s3plan.schemas.events import ActionEnded, Event, Warned

from fakes.s3server.process import SECRET_ACCESS_KEY
from fakes.workplace import Workplace

SIGNERS = {"reads": "AKIDREADS", "writes": "AKIDWRITES"}
"""Connections by their names, and the access key ids that they sign with."""
FROM = {"url": "s3://source/from/", "connection": "reads"}
TO = {"url": "s3://destination/to/", "connection": "writes"}
IN_PARTS = {"multipart_threshold": "5MiB", "part_size": "5MiB", "executor": "serial"}
_ID = re.compile(r"upload-[0-9]{8}")  # of an open one: it goes by the number of requests
_NAME_OF_AWS = "s3.us-east-1.amazonaws.com"
_NOBODY: Mapping[str, Any] = {"Version": "2012-10-17", "Statement": []}


@dataclass(frozen=True, slots=True)
class Less:
    """An action that is taken from the policy of one signer for one command."""

    command: str
    signer: str
    action: str


@dataclass(frozen=True, slots=True)
class Journey:
    """A job, what is there before it, and what happens between its plan and its apply."""

    sections: Mapping[str, Any]
    begin: Callable[[Workplace], None]
    between: Callable[[Workplace], None] = lambda _: None
    applies: int = 1  # so many times; what faults are left are cleared after the first
    commands: tuple[str, ...] = ("plan", "apply")
    on_aws: bool = False  # the server answers to a name of AWS's S3


@dataclass(slots=True)
class Ending:
    """All that a user could notice."""

    said: list[str] = field(default_factory=list)
    objects: dict[str, object] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)


@dataclass
class Policed:
    """Carries journeys out, each on a server and in a folder that know nothing of the one before."""

    place: Workplace
    monkeypatch: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        for name, value in self.variables.items():
            self.monkeypatch.setenv(name, value)

    @property
    def variables(self) -> dict[str, str]:
        """Where the connections find their credentials."""
        ids = {f"{name.upper()}_ACCESS_KEY_ID": key_id for name, key_id in SIGNERS.items()}
        return ids | {f"{name.upper()}_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY for name in SIGNERS}

    def manifest(self, sections: Mapping[str, Any], *, on_aws: bool = False) -> None:
        said = self._as_aws() if on_aws else {"endpoint": self.place.server.endpoint}
        connections = {
            name: {
                "region": "us-east-1",
                "engine": self.place.engine,
                "env_prefix": f"{name.upper()}_",
                **said,
            }
            for name in SIGNERS
        }
        document = {"version": 1, "name": "job", "connections": connections, **sections}
        (self.place.folder / "job.yaml").write_text(json.dumps(document))

    def _as_aws(self) -> dict[str, object]:
        """Return where connections lead for this process, whose resolver takes a name of AWS for this machine."""
        resolve = socket.getaddrinfo

        def here(host: Any, *rest: Any, **said: Any) -> Any:
            if host != _NAME_OF_AWS and str(host).endswith(".amazonaws.com"):
                raise socket.gaierror(socket.EAI_NONAME, f"{host} is not to be asked")
            return resolve("127.0.0.1" if host == _NAME_OF_AWS else host, *rest, **said)

        self.monkeypatch.setattr(socket, "getaddrinfo", here)
        port = self.place.server.endpoint.rpartition(":")[2]
        return {"endpoint": f"http://{_NAME_OF_AWS}:{port}", "allow_http": True, "addressing_style": "path"}

    def policies(self, command: str | None, less: Less | None = None) -> dict[str, Mapping[str, Any]]:
        """What `s3plan policy` prints, by access key id; whoever is not in it may do nothing. None: its default."""
        found: dict[str, Mapping[str, Any]] = dict.fromkeys(SIGNERS.values(), _NOBODY)
        for each in s3plan.policy(self.place.folder / "job.yaml", command=command).documents:  # type: ignore[arg-type]
            if each.bucket is None:
                document = json.loads(json.dumps(each.document))
                if less is not None and (less.command, less.signer) == (command, each.connection):
                    taken = [less.action in statement["Action"] for statement in document["Statement"]]
                    assert any(taken), f"{less.action} is not in the policy"
                    for statement in document["Statement"]:
                        statement["Action"] = [name for name in statement["Action"] if name != less.action]
                found[SIGNERS[each.connection]] = document
        return found

    def end_of(self, journey: Journey, *, enforces: bool = True, less: Less | None = None) -> Ending:
        place, ending = self.place, Ending()
        place.server.reset()
        for name in (".s3plan", "home/cache", "files"):
            shutil.rmtree(place.folder / name, ignore_errors=True)
        place.buckets("source")
        journey.begin(place)
        self.manifest(journey.sections, on_aws=journey.on_aws)
        for command in journey.commands:
            if command == "apply":
                journey.between(place)
            for turn in range(journey.applies if command == "apply" else 1):
                if turn:
                    place.server.clear_faults()
                place.server.set_mode(policies=self.policies(command, less) if enforces else {})
                with suppress(_Ended):
                    self._perform(command, ending)
        for bucket in ("source", "destination"):
            with suppress(place.s3.exceptions.NoSuchBucket):
                for key, row in place.listed(bucket).items():
                    tags = place.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
                    ending.objects[f"{bucket}/{key}"] = (row.size_bytes, str(tags))
                ending.uploads += [
                    f"{bucket}/{each.key.partition('.s3plan-probe')[0]}" for each in place.server.uploads(bucket)
                ]
        files = place.folder / "files"
        for path in sorted(files.rglob("*")):
            ending.objects[str(path.relative_to(files))] = path.is_file() and path.read_bytes()
        return ending

    def _perform(self, command: str, ending: Ending) -> None:
        def say(words: object) -> None:
            ending.said.append(_ID.sub("upload-N", str(words)))

        def note(event: Event) -> None:
            if isinstance(event, Warned):
                say(f"warning: {event.message}")
            elif isinstance(event, ActionEnded):
                say(f"{event.kind} {event.key!r}: {event.outcome} {event.reason}")

        path = self.place.folder / "job.yaml"
        try:
            match command:
                case "plan":
                    jobs = s3plan.plan(path, on_event=note).header.jobs
                    say(str([job.totals for job in jobs]))
                case "apply":
                    report = s3plan.apply(self.place.plan_file, on_event=note)
                    say(f"{report.exit_code} {dict(report.counts)} {report.verified}")
                case "verify":
                    audit = s3plan.verify(path, on_event=note, with_same=True, on_finding=lambda _, found: say(found))
                    say(str(audit.exit_code))
        except S3PlanError as error:
            say(f"error {error.exit_code}: {error}")
            raise _Ended from error


class _Ended(Exception):
    """A command has ended by an error."""
