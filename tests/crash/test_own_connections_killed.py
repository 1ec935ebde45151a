"""Writers of the user's own connections that are killed at any step, and several at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from s3plan.app.connections import changed_file
from s3plan.app.connections.editing import add_connection
from s3plan.app.connections.own_file import own_connections
from s3plan.app.paths import connections_path
from s3plan.schemas.errors import Locked

OLD = "connections: { old: { profile: me } }\n"

# Kills itself before its N-th durable step; says how many there are if it comes to its end.
_KILLED = """
    import os, signal, sys
    from pathlib import Path
    from s3plan.app.connections import changed_file
    from s3plan.app.connections.editing import add_connection

    left = int(sys.argv[1])

    def at_a_step(real):
        def step(*args, **kwargs):
            global left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return real(*args, **kwargs)
        return step

    for name in ("create_temporary", "remove_dead_temporaries", "sync"):
        setattr(changed_file, name, at_a_step(getattr(changed_file, name)))
    os.fsync = at_a_step(os.fsync)
    Path.replace = at_a_step(Path.replace)
    add_connection("new", {"profile": "you"})
    print(int(sys.argv[1]) - left)
"""

_ADDS = """
    import sys
    from s3plan.app.connections.editing import add_connection, edit_connection

    for number in range(10):
        add_connection(f"{sys.argv[1]}-{number}", {"profile": sys.argv[1]})
        edit_connection(f"{sys.argv[1]}-{number}", {"region": "auto"})
"""


@pytest.fixture
def file() -> Path:
    path = connections_path()
    path.parent.mkdir(mode=0o700, parents=True)
    path.write_text(OLD)
    path.chmod(0o600)
    return path


def start(program: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(program), *words]
    return subprocess.Popen(command, env={**os.environ}, stdout=subprocess.PIPE, text=True)


def names() -> set[str]:
    found = own_connections()
    return set() if found is None else set(found.connections)


def test_a_writer_that_is_killed_at_any_step_leaves_the_old_file_or_the_new_one(file: Path) -> None:
    with start(_KILLED, "1000") as whole:
        steps = int(whole.communicate()[0])
    assert steps >= 5
    seen: list[str] = []
    for step in range(steps):
        file.write_text(OLD)
        with start(_KILLED, str(step)) as killed:
            killed.communicate()
        assert killed.returncode == -signal.SIGKILL
        seen.append(file.read_text())
    assert names() in ({"old"}, {"old", "new"})
    assert set(seen) == {OLD, seen[-1]}
    assert seen[0] == OLD
    assert "you" in seen[-1]  # only the folder was not synced yet
    add_connection("next", {"profile": "x"})
    assert {entry.name for entry in file.parent.iterdir()} == {file.name, f"{file.name}.lock"}


def test_writers_at_once_lose_nothing_of_each_other_and_readers_find_whole_files(file: Path) -> None:
    writers = [start(_ADDS, who) for who in ("a", "b")]
    while any(writer.poll() is None for writer in writers):
        assert "old" in names()
    assert [writer.communicate()[0] for writer in writers] == ["", ""]
    assert [writer.returncode for writer in writers] == [0, 0]
    found = own_connections()
    assert found is not None
    assert set(found.connections) == {"old", *(f"{who}-{number}" for who in "ab" for number in range(10))}
    assert {connection.region for name, connection in found.connections.items() if name != "old"} == {"auto"}


def test_who_waits_too_long_for_another_writer_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changed_file, "_LOCK_PATIENCE_S", 0.1)
    with changed_file._lock(file), pytest.raises(Locked, match="being changed by another s3plan"):
        add_connection("x", {"profile": "x"})
    assert file.read_text() == OLD
