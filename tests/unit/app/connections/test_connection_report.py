import pytest
from s3plan.app.connections.report import CREDENTIALS, ConnectionReport
from s3plan.schemas.connections.trials import Answer, Trial


def report(*trials: Trial, left_behind: str | None = None) -> ConnectionReport:
    return ConnectionReport(
        name="x",
        endpoint=None,
        store="AWS",
        region=None,
        credentials="",
        bucket=None,
        prefix="",
        trials=trials,
        left_behind=left_behind,
    )


YES = Trial("list objects", Answer.YES)
DENIED = Trial("write objects", Answer.NO, "s3:PutObject")


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (report(), 0),
        (report(YES, Trial("x", Answer.UNKNOWN)), 0),
        (report(YES, Trial("write tags", Answer.NO, is_feature=True)), 0),
        (report(YES, DENIED), 1),
        (report(YES, left_behind="s3://b/x"), 1),
        (report(Trial(CREDENTIALS, Answer.NO), DENIED), 10),
    ],
)
def test_the_exit_code_says_the_worst(found: ConnectionReport, code: int) -> None:
    assert found.exit_code == code


def test_what_was_not_tried_is_unknown() -> None:
    assert report(YES).answer_of("list objects") is Answer.YES
    assert report(YES).answer_of("write objects") is Answer.UNKNOWN
