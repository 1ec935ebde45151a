from __future__ import annotations

from collections.abc import Sequence

import pytest
from s3plan.cli.commands.habits import hint_of, in_order
from s3plan.cli.main import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("plan -out=job.s3plan", "no option -out; a plan's place is named by -o FILE.s3plan"),
        ("plan -out job.s3plan", "no option -out;"),
        ("apply -auto-approve", "already says --yes, or --expect DIGEST"),
        ("apply --auto-approve job.s3plan", "already says --yes"),
        ("plan -destroy", "deletes are lines of a plan"),
        ("plan -json", "it is --json here"),
        ("apply --parallelism=10", "--in-flight N"),
        ("plan --dry-run", "`s3plan plan` changes nothing"),
        ("--no-color destroy -auto-approve", "no command destroy; deletes are lines of a plan"),
        ("refresh", "`s3plan plan` lists both sides anew"),
        ("import a b", "`s3plan plan` compares both sides as they are"),
        ("fmt", "`s3plan validate` says whether they are sound"),
        ("init", "write s3plan.yaml"),
        ("sync s3://a s3://b", "write down in a manifest"),
        ("help", "s3plan --help lists the commands"),
        ("version", "it is `s3plan --version`"),
        ("diff job.yaml", "`s3plan plan` compares both sides"),
        ("resume", "`s3plan apply` goes on"),
        ("force-unlock 1", "a lock ends with the apply"),
        ("apply --target x", "no option --target; filters.include in the manifest says which objects"),
        ("apply -lock=false", "no option -lock; an apply always holds its lock"),
        ("apply --force", "nothing is forced"),
    ],
)
def test_habits_of_other_tools_are_answered_with_what_it_is_here(
    words: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 64
    error = capsys.readouterr().err
    assert error.startswith("s3plan: error: there is no ")
    assert said in error


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "job.yaml", "-o", "out.s3plan", "-q"],
        ["plan", "-oout.s3plan"],
        ["apply", "--yes", "-v"],
        ["show", "init.s3plan", "--prefix=-out"],
        ["plan", "--", "-out"],
        [],
    ],
)
def test_what_is_meant_here_passes(words: Sequence[str]) -> None:
    assert hint_of(words) is None


def test_no_color_may_stand_anywhere_before_the_end_of_the_options() -> None:
    assert in_order(["plan", "--no-color", "job.yaml"]) == ["--no-color", "plan", "job.yaml"]
    assert in_order(["plan", "-no-color"]) == ["--no-color", "plan"]
    assert in_order(["plan", "--", "--no-color"]) == ["plan", "--", "--no-color"]
    assert in_order(["--no-color", "plan"]) == ["--no-color", "plan"]
    assert in_order(["plan"]) == ["plan"]


def test_a_command_takes_no_color_after_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--no-color"]) == 0
    assert '"$schema"' in capsys.readouterr().out
