from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from s3plan.cli.main import main
from s3plan.schemas import errors
from s3plan.schemas.errors import S3PlanError

COMMANDS = [
    "validate",
    "plan",
    "show",
    "graph",
    "verify",
    "policy",
    "apply",
    "status",
    "retry",
    "pause",
    "unpause",
    "cancel",
    "discard",
    "failures",
    "schema",
    "demo",
    "profiles",
    "connections",
]
HEAVY = ["boto3", "botocore", "pydantic", "networkx", "jsonschema", "ruamel", "rich", "s3plan.app"]


def _raising(error: BaseException) -> Callable[..., int]:
    def fail(*_: object, **__: object) -> int:
        raise error

    return fail


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_is_quick_because_it_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from s3plan.cli.main import main; code = main(sys.argv[1:])\n"
        f"print(code, [name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == "0 []\n"


def test_help_lists_what_has_landed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out.split("Commands:\n")[1].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert main(["connections", "--help"]) == 0
    listed += capsys.readouterr().out.split("Commands:\n")[1].splitlines()
    assert not any(line.endswith("...") for line in listed)


def test_without_a_command_help_comes_with_exit_64(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 64
    assert "Commands:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["aply"], "no such command 'aply'. Did you mean 'apply', 'policy'?\nTry 's3plan --help'."),
        (["apply", "--limit", "0"], "invalid value for '--limit'"),
        (["apply", "--nope"], "no such option: --nope\nTry 's3plan apply --help'."),
        (["show", "--kind", "unchanged"], "invalid value for '--kind': 'unchanged' is not one of 'copy'"),
        (
            ["plan", "job.yaml", "--expires", "2 days"],
            "--expires: a duration is a whole number and one of s, m, h, d, w",
        ),
        (["plan", "job.yaml", "--expires", "0h"], "--expires: a plan that expires at once"),
        (["plan", "job.yaml", "--allow", "max_deletes=1"], "--allow: there is no guard 'max_deletes'"),
        (["plan"], "there is no s3plan.yaml in this directory"),
        (["validate"], "there is no s3plan.yaml in this directory"),
        (["apply"], "there is no plan here"),
        (["show", "--json", "--csv"], "--json and --csv do not go together"),
        (["show", "--kind", "copy"], "say --list or --csv, too"),
        (["show", "--json", "--list"], "--json prints the whole plan"),
        (["failures", "--json", "--csv"], "--json and --csv do not go together"),
    ],
)
def test_words_that_cannot_be_meant_exit_64(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 64
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith(f"s3plan: error: {message}") or message in seen.err
    assert "Traceback" not in seen.err


def test_a_manifest_that_is_not_there_exits_65(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(tmp_path / "no.yaml")]) == 65
    said = f"{tmp_path / 'no.yaml'}: error: no such file or directory\n"
    assert capsys.readouterr().err == f"{said}    hint: name a manifest, the YAML file that says what to copy\n"


def test_validate_goes_on_after_a_bad_manifest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("version: 1\nname: job\nsource: s3://left/in/\ndestination: s3://right/out/\n")
    bad.write_text("version: 1\nname: job\nsorce: s3://left/in/\ndestination: s3://right/out/\n")
    assert main(["validate", str(bad), str(good)]) == 65
    seen = capsys.readouterr()
    assert seen.out == f"{good}: valid: job (copy), s3://left/in/ to s3://right/out/\n"
    assert f"{bad}:3:1: error: sorce: unknown key" in seen.err


def test_what_is_not_a_plan_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.s3plan").write_text("no plan")
    assert main(["show", str(tmp_path / "a.s3plan")]) == 4
    assert capsys.readouterr().err.startswith("s3plan: error: ")


@pytest.mark.parametrize(
    "kind", [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, S3PlanError)]
)
def test_every_error_of_ours_is_one_message_and_its_exit_code(
    kind: type[S3PlanError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("s3plan.cli.commands.manifest.print_schema", _raising(kind("what is wrong\x1b[2J")))
    assert main(["schema"]) == kind.exit_code
    assert capsys.readouterr().err == "s3plan: error: what is wrong\\x1b[2J\n"


def test_a_bug_is_reported_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("S3PLAN_DEBUG", raising=False)
    monkeypatch.setattr("s3plan.cli.commands.manifest.print_schema", _raising(KeyError("secret")))
    assert main(["schema"]) == 1
    seen = capsys.readouterr().err
    assert seen.startswith("s3plan: internal error: KeyError: 'secret'\nThis is a bug of s3plan")
    assert "Traceback" not in seen


def test_a_traceback_is_there_on_request_and_shows_no_locals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S3PLAN_DEBUG", "1")
    monkeypatch.setattr("s3plan.cli.commands.manifest.print_schema", _raising(KeyError("x")))
    assert main(["schema"]) == 1
    seen = capsys.readouterr().err
    assert "Traceback (most recent call last):" in seen
    assert "locals" not in seen


def test_a_full_disk_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    error = OSError(28, "No space left on device", "/data/a.s3plan")
    monkeypatch.setattr("s3plan.cli.commands.manifest.print_schema", _raising(error))
    assert main(["schema"]) == 1
    assert capsys.readouterr().err == "s3plan: error: /data/a.s3plan: no space left on device\n"


def test_ctrl_c_exits_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("s3plan.cli.commands.manifest.print_schema", _raising(KeyboardInterrupt()))
    assert main(["schema"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_stops_reading_is_not_complained_about() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "s3plan", "schema"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


class Unread(io.StringIO):
    """Standard error that nobody reads any more."""

    def write(self, text: str, /) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(errors.GuardRefused("too much"), errors.GuardRefused.exit_code), (KeyboardInterrupt(), 130), (KeyError("x"), 1)],
)
def test_the_exit_code_is_told_also_where_the_message_cannot_be(
    error: BaseException, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s3plan.cli.commands.manifest.print_schema", _raising(error))
    monkeypatch.setattr(sys, "stderr", Unread())
    assert main(["schema"]) == exit_code


def test_the_schema_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out.startswith('{\n  "$schema"')
