"""Words that users of Terraform, and of tools that sync, type by habit: what they are here.

Some would be misread otherwise: of `-out=FILE` the command line makes `-o` and a file named `ut=FILE`.
"""

from __future__ import annotations

from collections.abc import Sequence

_NO_COLOR = "--no-color"
_OPTIONS = {
    "-out": "a plan's place is named by -o FILE.s3plan, or --out FILE.s3plan",
    "-auto-approve": "whoever has approved the plan already says --yes, or --expect DIGEST for one plan and no other",
    "-json": "it is --json here, with two dashes",
    "-detailed-exitcode": "it is --detailed-exitcode here, with two dashes",
    "-help": "it is --help here, with two dashes",
    "-version": "it is --version here, with two dashes",
    "-input": "s3plan asks on a terminal only; --yes or --expect DIGEST stand for the answer",
    "-parallelism": "apply --in-flight N and --workers N say how much is under way at once",
    "-target": "filters.include in the manifest says which objects a job is about",
    "-var": "variables are not there yet; write the value into the manifest",
    "-var-file": "variables are not there yet; write the values into the manifest",
    "-refresh": "every plan lists both sides anew",
    "-destroy": "deletes are lines of a plan: `mode: mirror` with `delete: {extraneous: true}` plans them",
    "--dry-run": "`s3plan plan` changes nothing, and `s3plan show --list` prints each action of it",
    "--delete": "deletes are part of the manifest: mode: mirror with delete: {extraneous: true}",
}
_BOTH_WAYS = (
    "auto-approve",
    "parallelism",
    "target",
    "var",
    "var-file",
    "refresh",
    "destroy",
    "input",
    "lock",
    "replace",
)
_OPTIONS |= {
    "-lock": "an apply always holds its lock; whoever comes second ends with exit code 7",
    "-replace": "what differs is overwritten as `overwrite:` says in the manifest; `overwrite: always` takes all",
    "--dryrun": _OPTIONS["--dry-run"],
    "--force": "nothing is forced; guards are released by plan --allow NAME=N, and apply --yes does not ask",
}
_OPTIONS |= {f"--{name}": _OPTIONS[f"-{name}"] for name in _BOTH_WAYS}
_SYNC = "write down in a manifest what is to be copied, then `s3plan plan` and `s3plan apply`"
_COMMANDS = {
    "destroy": _OPTIONS["-destroy"],
    "refresh": "there is no state to refresh: `s3plan plan` lists both sides anew",
    "import": "there is no state to import into: `s3plan plan` compares both sides as they are",
    "state": "there is no state: `s3plan status` says where a plan stands",
    "fmt": "manifests stay as they are written; `s3plan validate` says whether they are sound",
    "init": "nothing has to be set up: write s3plan.yaml, then `s3plan validate` and `s3plan plan`",
    "help": "s3plan --help lists the commands, s3plan COMMAND --help the options of one",
    "version": "it is `s3plan --version`",
    "diff": "`s3plan plan` compares both sides, and `s3plan show --list` prints what differs",
    "resume": "`s3plan apply` goes on where it was stopped",
    "run": "`s3plan plan` says what would be done, and `s3plan apply` does it",
    "stop": "`s3plan cancel` ends a running apply, and `s3plan pause` holds it",
    "force-unlock": "a lock ends with the apply that holds it; `s3plan status` says who does",
    "sync": _SYNC,
    "copy": _SYNC,
    "cp": _SYNC,
    "mirror": _SYNC,
}


def hint_of(arguments: Sequence[str]) -> str | None:
    """Return what to type instead of these arguments; None if nothing in them is such a habit."""
    words = _before_end(arguments)
    command = next((word for word in words if not word.startswith("-")), None)
    if command in _COMMANDS:
        return f"there is no command {command}; {_COMMANDS[command]}"
    for word in words:
        option = word.partition("=")[0]
        if option in _OPTIONS:
            return f"there is no option {option}; {_OPTIONS[option]}"
    return None


def in_order(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with --no-color before the command, wherever it was written."""
    words = _before_end(arguments)
    is_plain = any(word in {_NO_COLOR, "-no-color"} for word in words)
    kept = [word for word in words if word not in {_NO_COLOR, "-no-color"}]
    return [*([_NO_COLOR] if is_plain else []), *kept, *arguments[len(words) :]]


def _before_end(arguments: Sequence[str]) -> Sequence[str]:
    """Return what stands before `--`: only there words may be options."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments
