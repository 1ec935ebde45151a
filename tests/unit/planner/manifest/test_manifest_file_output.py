"""The whole of what a reader sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3plan.planner.manifest.file import parse_manifest
from s3plan.planner.manifest.text.diagnostics import render_diagnostic, render_diagnostics
from s3plan.schemas.errors import ManifestInvalid
from s3plan.schemas.manifest.diagnostics import Diagnostic, Severity


def output(text: str) -> str:
    with pytest.raises(ManifestInvalid) as caught:
        parse_manifest(text.encode(), path=Path("job.yaml"))
    return str(caught.value)


def test_several_faults_of_a_small_manifest() -> None:
    text = """\
version: 1
name: Images
sources: s3://prod-assets/images/
destination:
  url: s3://dr assets/images
  create: NO
filters:
  size: { min: 10, max: 50GB }
overwrite: if_different
"""
    assert output(text) == (
        "job.yaml:2:7: error: name: needs lower-case letters, digits, dots, underscores and hyphens, 63 at most,"
        " a letter or digit first\n"
        "    name: Images\n"
        "          ^\n"
        "job.yaml:3:1: error: sources: unknown key\n"
        "    sources: ****\n"
        "    ^\n"
        "    hint: did you mean source?\n"
        "job.yaml:5:8: error: destination.url: a bucket name has only letters, digits, hyphens, underscores and dots\n"
        "      url: s3://dr assets/images\n"
        "           ^\n"
        "job.yaml:6:11: error: destination.create: use true or false\n"
        "      create: NO\n"
        "              ^\n"
        "job.yaml:8:16: error: filters.size.min: a size is a number and a unit such as B, KiB, MiB, GiB, kB, MB or GB\n"
        "      size: { min: 10, max: 50GB }\n"
        "                   ^\n"
        "    hint: write 10B\n"
        "job.yaml:9:12: error: overwrite: needs one of never, if-different, if-newer, if-size-differs, always\n"
        "    overwrite: if_different\n"
        "               ^\n"
        "    hint: did you mean if-different?\n"
        "6 errors"
    )


def test_a_mirror_with_faults_of_fields_and_of_rules() -> None:
    text = """\
version: 1
name: mirror
source: s3://assets/images
destination: s3://assets/
mode: mirror
guards:
  max_delete: 25 %
  max_delet: 3
run: {executor: ray, workers: 100}
name: again
"""
    assert output(text) == (
        "job.yaml:3:9: warning: source: read as the folder s3://assets/images/\n"
        "    source: s3://assets/images\n"
        "            ^\n"
        "    hint: write the final /, or use prefix: for a raw prefix\n"
        "job.yaml:4:14: error: destination: source and destination overlap: one lies within the other\n"
        "    destination: s3://assets/\n"
        "                 ^\n"
        "    hint: name two places of which neither contains the other\n"
        "job.yaml:5:7: error: mode: a mirror also deletes what the source lacks, and must say so\n"
        "    mode: mirror\n"
        "          ^\n"
        "    hint: add delete: {extraneous: true, when: all-done}\n"
        "job.yaml:7:15: error: guards.max_delete: a limit is a share such as 25% or a number of objects such as 1204\n"
        "      max_delete: 25 %\n"
        "                  ^\n"
        "    hint: write 25%\n"
        "job.yaml:8:3: error: guards.max_delet: unknown key\n"
        "      max_delet: ****\n"
        "      ^\n"
        "    hint: did you mean max_delete?\n"
        "job.yaml:9:17: error: run.executor: ray is not there yet; this needs one of serial, threads, processes, dask\n"
        "    run: {executor: ray, workers: 100}\n"
        "                    ^\n"
        "job.yaml:9:31: error: run.workers: needs a whole number from 1 to 64\n"
        "    run: {executor: ray, workers: 100}\n"
        "                                  ^\n"
        "job.yaml:10:1: error: name: is written twice; the first is in line 2\n"
        "    name: again\n"
        "    ^\n"
        "7 errors, 1 warning"
    )


def test_connections_with_secrets_and_misspellings() -> None:
    text = """\
version: 1
name: copy
source: {url: s3://aaa/, connection: prd}
destination: s3://bbb/
connections:
  prod:
    endpoint: http://store.example.com
    access_key_id: AKIAIOSFODNN7EXAMPLE
    secret_access_key: wJalrXUtnFEMI
  dev: {endpoint: "http://169.254.169.254/"}
"""
    assert output(text) == (
        "job.yaml:3:38: error: source.connection: there is no connection prd\n"
        "    source: {url: s3://aaa/, connection: prd}\n"
        "                                         ^\n"
        "    hint: did you mean prod?\n"
        "job.yaml:7:15: error: connections.prod.endpoint: http:// is allowed on this machine only\n"
        "        endpoint: http://store.example.com\n"
        "                  ^\n"
        "    hint: write https://, or allow_http: true if it must be\n"
        "job.yaml:8:5: error: connections.prod.access_key_id: a manifest holds no secrets\n"
        "        access_key_id: ****\n"
        "        ^\n"
        "    hint: name a profile, or an env_prefix whose environment variables hold the credentials\n"
        "job.yaml:9:5: error: connections.prod.secret_access_key: a manifest holds no secrets\n"
        "        secret_access_key: ****\n"
        "        ^\n"
        "    hint: name a profile, or an env_prefix whose environment variables hold the credentials\n"
        "job.yaml:10:19: error: connections.dev.endpoint: link-local and metadata addresses are never an endpoint\n"
        '      dev: {endpoint: "http://169.254.169.254/"}\n'
        "                      ^\n"
        "5 errors"
    )


def test_a_syntax_error_stands_alone() -> None:
    text = "versoin: 1\nfilters:\n  include: [*.jpg, *.png]\n"
    assert output(text) == (
        "job.yaml:3:13: error: * repeats a value by its name, and no value above has this name\n"
        "      include: [*.jpg, *.png]\n"
        "                ^\n"
        "    hint: a text that starts with * must be quoted"
    )


def test_an_empty_file_has_no_line_to_show() -> None:
    assert output("") == (
        "job.yaml: error: the file is empty; a manifest has at least version, name, source and destination"
    )


def diagnostic(source_line: str, *, caret: int) -> Diagnostic:
    return Diagnostic(Path("a\x1b[31m.yaml"), 1, caret, "k\u202e", "m\x07", "h\n", source_line, caret)


def test_control_characters_are_written_out_and_the_caret_still_fits() -> None:
    rendered = render_diagnostic(diagnostic("a\tb\x1b: \u202e日本 x", caret=11))
    assert rendered == (
        "a\\x1b[31m.yaml:1:11: error: k\\u202e: m\\x07\n"
        "    a\\tb\\x1b: \\u202e日本 x\n"
        "                         ^\n"
        "    hint: h\\n"
    )


def test_a_long_line_is_cut_around_the_caret() -> None:
    _, line, caret, _ = render_diagnostic(diagnostic("x" * 500 + "HERE" + "y" * 500, caret=501)).split("\n")
    assert line == "    …" + "x" * 60 + "HERE" + "y" * 36 + "…"
    assert line[len(caret) - 1 :].startswith("HERE")


def test_totals_name_warnings_and_errors() -> None:
    one = diagnostic("a", caret=1)
    warning = Diagnostic(one.path, 1, 1, "", "m", None, "a", 1, Severity.WARNING)
    assert render_diagnostics([one]).count("\n") == 3
    assert render_diagnostics([one, one, warning]).endswith("\n2 errors, 1 warning")
    assert render_diagnostics([warning, warning]).endswith("\n2 warnings")
