from __future__ import annotations

import pytest
from fakes.shown_plans import DIGEST, a_terminal, written
from s3plan.app.roots import Root
from s3plan.cli.commands.approval import QUESTION, approve
from s3plan.schemas.errors import NotApproved


def test_only_yes_counts() -> None:
    terminal = a_terminal(answers="yes\n", is_terminal=True)
    approve(terminal, digest=DIGEST, yes=False, expect=None)
    assert written(terminal.stderr) == QUESTION
    assert written(terminal.stdout) == ""


@pytest.mark.parametrize("answer", ["y\n", "Yes\n", " yes\n", "no\n", "\n", ""])
def test_anything_else_is_a_no(answer: str) -> None:
    with pytest.raises(NotApproved, match="nothing was changed"):
        approve(a_terminal(answers=answer, is_terminal=True), digest=DIGEST, yes=False, expect=None)


def test_without_a_terminal_nobody_is_asked() -> None:
    terminal = a_terminal(answers="yes\n")
    with pytest.raises(NotApproved, match=f"--yes, or --expect {DIGEST}"):
        approve(terminal, digest=DIGEST, yes=False, expect=None)
    assert written(terminal.stderr) == ""


def test_ci_is_no_place_for_questions() -> None:
    terminal = a_terminal(answers="yes\n", is_terminal=True, environment={"CI": "true"})
    with pytest.raises(NotApproved):
        approve(terminal, digest=DIGEST, yes=False, expect=None)


@pytest.mark.parametrize(("yes", "expect"), [(True, None), (False, DIGEST)])
def test_yes_and_expect_are_approvals(yes: bool, expect: str | None) -> None:
    terminal = a_terminal()
    approve(terminal, digest=DIGEST, yes=yes, expect=expect)
    assert written(terminal.stderr) == ""


ROOT = Root("/mnt/photos", "/home/photos")


def test_another_folder_is_asked_about_though_the_plan_is_approved_by_its_digest() -> None:
    terminal = a_terminal(answers="yes\n", is_terminal=True)
    approve(terminal, digest=DIGEST, yes=False, expect=DIGEST, root=ROOT)
    assert written(terminal.stderr) == (
        "Do you want to perform these actions in /mnt/photos? Only 'yes' will be accepted: "
    )
    with pytest.raises(NotApproved):
        approve(a_terminal(answers="no\n", is_terminal=True), digest=DIGEST, yes=False, expect=DIGEST, root=ROOT)


@pytest.mark.parametrize(("yes", "expect"), [(True, None), (False, DIGEST)])
def test_where_nobody_can_be_asked_whoever_names_another_folder_has_said_so(yes: bool, expect: str | None) -> None:
    approve(a_terminal(), digest=DIGEST, yes=yes, expect=expect, root=ROOT)
