"""Whatever is logged by the modules that see requests, no handler gets a secret."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from s3plan.schemas.redaction import MASK
from s3plan.storage.s3.connections.log_redaction import keep_secrets_out_of_logs

TOKEN = "a-token-that-must-never-be-logged"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a program's own handler at the root gets, at the lowest level."""
    keep_secrets_out_of_logs()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    "name",
    [
        "botocore",
        "botocore.auth",
        "botocore.endpoint",
        "botocore.parsers",
        "botocore.retries.standard",
        "botocore.crt.auth",
        "urllib3.connectionpool",
        "urllib3.util.retry",
        "s3plan.storage.s3.botocore.engine",
        "s3plan.storage.s3.native.loop",
    ],
)
def test_a_record_of_a_module_that_sees_requests_is_redacted(log: io.StringIO, name: str) -> None:
    logger = logging.getLogger(name)
    logger.debug("Sending http request: %s", {"X-Amz-Security-Token": TOKEN.encode(), "Host": "h"})
    logger.warning(f"x-amz-security-token:{TOKEN}")  # noqa: G004
    assert TOKEN not in log.getvalue()
    assert log.getvalue().count(MASK) == 2
    assert "Host" in log.getvalue()


def test_a_traceback_and_a_stack_are_redacted(log: io.StringIO) -> None:
    logger = logging.getLogger("botocore.httpsession")
    try:
        raise ValueError(f"Invalid header value: x-amz-security-token={TOKEN}")  # noqa: TRY301
    except ValueError:
        logger.exception("it failed", stack_info=True)
    assert TOKEN not in log.getvalue()
    assert "Traceback" in log.getvalue()
    assert f"x-amz-security-token={MASK}" in log.getvalue()


def test_arguments_that_do_not_fit_are_not_printed_by_the_complaint(
    log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("botocore.auth").debug("one %s", TOKEN, TOKEN)  # noqa: PLE1205
    said = log.getvalue() + "".join(capsys.readouterr())
    assert TOKEN not in said
    assert "a message that cannot be formatted" in said


def test_the_records_of_others_are_left_alone(log: io.StringIO) -> None:
    logging.getLogger("a.program").info("token=%s", "theirs")
    assert log.getvalue() == "token=theirs\n"


def test_it_is_put_in_once(log: io.StringIO) -> None:
    logger = logging.getLogger("botocore.auth")
    keep_secrets_out_of_logs()
    assert len(logger.filters) == 1
