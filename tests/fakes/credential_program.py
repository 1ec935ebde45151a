"""A program that gives credentials to botocore (`credential_process`), and notes each time that it was asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = """\
import datetime, json, pathlib, sys
folder = pathlib.Path({folder!r})
with open(folder / "asked", "a") as asked:
    asked.write("x")
if (folder / "broken").exists():
    sys.exit("no credentials today")
until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds={life_s})
print(json.dumps({{
    "Version": 1, "AccessKeyId": {key_id!r}, "SecretAccessKey": {secret!r}, "Expiration": until.isoformat()
}}))
"""


@dataclass(frozen=True, slots=True)
class CredentialProgram:
    """Credentials of that key live so long from each call."""

    folder: Path
    key_id: str
    secret: str
    life_s: float

    def variables(self) -> Mapping[str, str]:
        """What leads botocore to it, and away from all else."""
        self.folder.mkdir(exist_ok=True)
        program = self.folder / "program.py"
        program.write_text(
            _PROGRAM.format(folder=str(self.folder), life_s=self.life_s, key_id=self.key_id, secret=self.secret)
        )
        config = self.folder / "config"
        config.write_text(f"[default]\ncredential_process = {sys.executable} -S {program}\n")
        return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "none")}

    @property
    def times_asked(self) -> int:
        asked = self.folder / "asked"
        return len(asked.read_text()) if asked.exists() else 0

    def break_(self) -> None:
        """Let it fail from now on."""
        (self.folder / "broken").touch()

    def mend(self) -> None:
        (self.folder / "broken").unlink()
