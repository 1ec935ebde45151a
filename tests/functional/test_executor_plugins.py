"""Executors of other distributions: the one that docs/executors.md shows, and those that cannot be used."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import s3plan
from fakes.checkout import ROOT
from fakes.command import Command
from fakes.workplace import Workplace
from s3plan.app.runs.executors.opening import BUILT_IN, EngineLimits, engine_limits
from s3plan.app.runs.executors.plugins import load_plugin
from s3plan.schemas.errors import S3PlanError, UsageInvalid
from unit.planfile.plan_samples import header

DOCUMENT = (ROOT / "docs" / "executors.md").read_text(encoding="utf-8")


def shown(language: str) -> list[str]:
    """The pieces of code in the document."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def install(folder: Path, name: str, entry_points: Mapping[str, str], **modules: str) -> Path:
    """Lay a distribution out as an installer would; return the folder for sys.path."""
    site = folder / f"site-{name}"
    metadata = site / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{point} = {value}" for point, value in entry_points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[s3plan.executors]", *lines, ""]))
    for module, text in modules.items():
        (site / f"{module}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    return site


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Where the document's plugin is installed."""
    project = tomllib.loads(shown("toml")[0])["project"]
    points = project["entry-points"]["s3plan.executors"]
    return install(tmp_path, project["name"], points, s3plan_pool=shown("python")[0])


def with_path(command: Command, *sites: Path) -> Command:
    return replace(command, variables={**command.variables, "PYTHONPATH": ":".join(map(str, sites))})


@pytest.fixture
def planned(place: Workplace) -> Workplace:
    place.seed("source", count=1_500, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    return place


def test_the_executor_that_the_document_shows_applies_a_plan(planned: Workplace, pool: Path) -> None:
    command = with_path(planned.command, pool)
    ended = command.run("apply", planned.plan_file, "--yes", "--json", "--executor", "pool", "--workers", "3")
    assert ended.exit_code == 0, ended.output
    assert ended.event("run-started")["executor"] == "pool"
    assert ended.event("run-ended")["counts"] == {"done": 1_500}
    assert planned.keys("destination") == planned.keys("source")
    assert set(planned.writes().values()) == {1}


def test_the_executor_that_the_document_shows_keeps_the_contract_as_the_document_tests_it(
    pool: Path, tmp_path: Path
) -> None:
    (tmp_path / "test_pool.py").write_text(shown("python")[1])
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pool.py"],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(pool)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.search(r"^\d\d passed", run.stdout, re.MULTILINE), run.stdout


def test_the_example_is_short_and_of_the_standard_library(pool: Path) -> None:
    code = [line for line in shown("python")[0].splitlines() if line.strip()]
    assert len(code) <= 48
    imported = {match for line in code for match in re.findall(r"^from (\w+)", line)}
    assert imported <= sys.stdlib_module_names | {"s3plan"}


def test_an_unknown_executor_is_refused_with_all_that_there_are(planned: Workplace, pool: Path) -> None:
    ended = with_path(planned.command, pool).run("apply", planned.plan_file, "--yes", "--executor", "pol")
    assert ended.exit_code == 64, ended.output
    assert "there is no executor pol; choose serial, threads, processes, dask or pool" in ended.stderr
    assert planned.writes() == {}


def test_a_plugin_that_cannot_be_imported_is_named_with_its_distribution(planned: Workplace, tmp_path: Path) -> None:
    site = install(tmp_path, "half-baked", {"baked": "half_baked:open_it"}, half_baked="import not_installed_anywhere")
    ended = with_path(planned.command, site).run("apply", planned.plan_file, "--yes", "--executor", "baked")
    assert ended.exit_code == 1, ended.output
    assert (
        "the executor baked (half-baked 1.0, entry point s3plan.executors: baked = half_baked:open_it) cannot be "
        "loaded: ModuleNotFoundError: No module named 'not_installed_anywhere'"
    ) in ended.stderr
    assert planned.writes() == {}


_OPENERS = """
    from contextlib import contextmanager

    NOT_CALLABLE = 3

    def gives_a_number(context):
        return 3

    class untruthful:
        TRAITS = "shares memory"
        open_executor = gives_a_number

    def breaks(context):
        raise ZeroDivisionError("broken on purpose")

    @contextmanager
    def gives_no_executor(context):
        yield object()
"""


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("NOT_CALLABLE", r"cannot be used: it must be a callable that takes an ExecutorContext"),
        ("untruthful", r"cannot be used: its TRAITS are not an ExecutorTraits but str"),
        ("missing", r"cannot be loaded: AttributeError: module 'openers' has no attribute 'missing'"),
        ("gives_a_number", r"gave int: it must be a callable .* returns a context manager that gives an Executor"),
        ("breaks", r"cannot be opened: ZeroDivisionError: broken on purpose"),
        ("gives_no_executor", r"which is not an Executor: it has no free_slots, no start, no wait, no stop"),
    ],
)
def test_what_gives_no_executor_is_told_with_its_distribution(
    place: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, says: str
) -> None:
    place.seed("source", count=3, size_bytes=10)
    place.buckets("destination")
    place.manifest()
    place.plan(probe=True)
    site = install(tmp_path, "of-no-use", {"useless": f"openers:{value}"}, openers=_OPENERS)
    with on_path(monkeypatch, site), pytest.raises(S3PlanError, match=says) as caught:
        place.apply(executor="useless")
    assert f"the executor useless (of-no-use 1.0, entry point s3plan.executors: useless = openers:{value})" in str(
        caught.value
    )
    assert place.writes() == {}


def test_a_name_that_two_distributions_bring_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sites = [install(tmp_path, name, {"twice": f"{name}:open_it"}) for name in ("one", "two")]
    with (
        on_path(monkeypatch, *sites),
        pytest.raises(S3PlanError, match=r"twice is installed twice, uninstall one: one 1\.0.* and two 1\.0"),
    ):
        load_plugin("twice")


def test_a_plugin_cannot_take_the_place_of_a_built_in_executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = install(tmp_path, "impostor", {"threads": "impostor:open_it"}, impostor="raise SystemExit('it was loaded')")
    with on_path(monkeypatch, site):
        assert _limits(executor="threads").module is BUILT_IN["threads"]


def test_a_plan_cannot_name_a_plugin(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_path(monkeypatch, pool):
        assert _limits(executor="pool").name == "pool"
        with pytest.raises(UsageInvalid, match="a plan may name serial, threads, processes or dask, other ones are"):
            _limits(planned="pool")


_SAID = """
    from s3plan.executors.executor_traits import ClusterUse, ExecutorTraits

    TRAITS = ExecutorTraits(
        has_processes=True, cluster=ClusterUse.NEEDED, cluster_variable="GRID_ADDRESS", most_workers=3
    )

    def open_executor(context):
        raise NotImplementedError
"""


def test_a_plugin_says_itself_what_it_is_and_without_a_word_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = {"grid": "the_grid", "quiet": "the_grid:open_executor"}
    with on_path(monkeypatch, install(tmp_path, "grid", points, the_grid=_SAID)):
        words = (
            r"the executor grid needs a cluster; name it by --cluster ADDRESS, or in the environment as GRID_ADDRESS"
        )
        with pytest.raises(UsageInvalid, match=words):
            _limits(executor="grid")
        monkeypatch.setenv("GRID_ADDRESS", "tcp://grid:1")
        grid, quiet = (_limits(executor=name, batches=100, workers=9) for name in ("grid", "quiet"))
    assert (grid.workers, grid.batches_each, grid.cluster, grid.owns_workers) == (3, 2, "tcp://grid:1", False)
    assert (quiet.workers, quiet.batches_each, quiet.cluster, quiet.sends_from_here) == (9, 1, None, False)


def test_a_manifest_cannot_name_a_plugin(place: Workplace, pool: Path) -> None:
    place.buckets()
    place.manifest(run={"executor": "pool"})
    with pytest.raises(s3plan.S3PlanError, match="needs one of serial, threads, processes, dask") as caught:
        place.plan()
    assert "an executor of another distribution is named by apply --executor" in str(caught.value)


def test_the_plugin_has_what_the_command_was_told(pool: Path, planned: Workplace, tmp_path: Path) -> None:
    nosy = """
        from s3plan_pool import open_executor

        def open_it(context):
            context.warn(f"{context.workers} workers, cluster {context.cluster}, {context.control.in_flight} in flight")
            return open_executor(context)
    """
    site = install(tmp_path, "nosy", {"nosy": "nosy_pool:open_it"}, nosy_pool=nosy)
    words = ("--executor", "nosy", "--workers", "5", "--cluster", "anywhere")
    ended = with_path(planned.command, site, pool).run("apply", planned.plan_file, "--yes", "--json", *words)
    assert ended.exit_code == 0, ended.output
    # The plan has two batches, which more workers could not share.
    assert "2 workers, cluster anywhere, 32 in flight" in ended.stdout


@contextmanager
def on_path(monkeypatch: pytest.MonkeyPatch, *sites: Path) -> Iterator[None]:
    """Let this process see what is installed there."""
    with monkeypatch.context() as patch:
        for site in sites:
            patch.syspath_prepend(site)
        yield
    for module in ("openers", "s3plan_pool", "the_grid"):
        sys.modules.pop(module, None)


def _limits(
    executor: str | None = None, *, planned: str = "threads", batches: int = 1, workers: int | None = None
) -> EngineLimits:
    settings = header(actions=1, size_bytes=1).run.model_copy(update={"executor": planned})
    return engine_limits(settings, executor=executor, workers=workers, batches=batches, climbs=False)
