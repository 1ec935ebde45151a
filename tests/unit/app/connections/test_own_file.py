import os
from pathlib import Path

import pytest
from s3plan.app.connections.own_file import own_connections
from s3plan.app.paths import connections_path
from s3plan.schemas.errors import ManifestInvalid

TEXT = "connections: { store: { profile: me } }\n"


def written(text: str = TEXT, *, mode: int = 0o600) -> Path:
    path = connections_path()
    path.parent.mkdir(mode=0o700, parents=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_no_file_is_no_connections() -> None:
    assert own_connections() is None


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644])
def test_a_file_of_ones_own_is_read(mode: int) -> None:
    written(mode=mode)
    found = own_connections()
    assert found is not None
    assert set(found.connections) == {"store"}


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_file_that_others_may_write_is_refused(mode: int) -> None:
    path = written(mode=mode)
    with pytest.raises(ManifestInvalid, match="may be written by others") as refused:
        own_connections()
    assert str(path) in str(refused.value)
    assert refused.value.exit_code == 65


def test_a_file_in_a_folder_that_everybody_may_write_is_refused() -> None:
    path = written()
    path.parent.chmod(0o777)
    with pytest.raises(ManifestInvalid, match="lies in a folder that may be written by everybody"):
        own_connections()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = written()
    path.rename(tmp_path / "elsewhere.yaml")
    path.symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(ManifestInvalid, match="is a symbolic link"):
        own_connections()


def test_what_is_no_file_is_not_waited_for() -> None:
    path = written()
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(ManifestInvalid, match="is not a file"):
        own_connections()
    path.unlink()
    path.mkdir()
    with pytest.raises(ManifestInvalid, match="is not a file"):
        own_connections()


def test_a_file_that_is_too_large_is_refused() -> None:
    written("# " + "x" * 2**20)
    with pytest.raises(ManifestInvalid, match="larger than 1 MiB"):
        own_connections()
