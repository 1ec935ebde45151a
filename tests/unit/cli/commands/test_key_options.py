from inspect import signature

import pytest
from s3plan.cli.commands.connections import words
from s3plan.schemas.manifest.connections import Connection

_OTHERS = {"context", "name", "others", "unset"}


@pytest.mark.parametrize("command", [words.add, words.edit])
def test_the_options_are_the_keys_of_a_connection(command: object) -> None:
    options = set(signature(command).parameters) - _OTHERS  # type: ignore[arg-type]
    assert options == set(Connection.model_fields)
