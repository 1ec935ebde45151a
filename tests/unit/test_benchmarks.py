"""What the benchmark makes of its figures, and whose turn it is; nothing is timed here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from fakes.checkout import ROOT

sys.path.append(str(ROOT))  # benchmarks/ is part of the repository, not of the package

from benchmarks.figures import Report, Sample, WorkResult, from_json, to_json
from benchmarks.options import parsed, sizes_of
from benchmarks.picture import svg_of
from benchmarks.processes import Command, RunFailed, RunStopped, run_measured
from benchmarks.readme import BEGIN, END, with_results
from benchmarks.rounds import alternate
from benchmarks.runs import Runner
from benchmarks.store_port import Comparison, Stats, StoreUnusable
from benchmarks.stores import opened_store
from benchmarks.text import megabytes, ratio, seconds, text_of
from benchmarks.tools import Boto3Pool, Peer, S3Plan, Steps
from benchmarks.works import DESTINATION, Kind, Rule, Seed, Sizes, Work, chosen, works

PLAN = Work("plan", "plan, <few> objects", Kind.PLAN, 2000)


def report() -> Report:
    samples = (
        Sample("s3plan", 1, wall_s=4.0, cpu_s=3.0, peak_bytes=90_000_000, requests=2010),
        Sample("s5cmd", 1, wall_s=33.0, cpu_s=50.0, peak_bytes=320_000_000, requests=2002),
        Sample("aws", 1, failure="ended with 1: no\n  such bucket"),
        Sample("rclone", 1, failure="stopped after 900 s", stopped_s=900.0),
        Sample("s3plan", 2, wall_s=5.0, cpu_s=3.5, peak_bytes=91_000_000, requests=2010, notes={"before:": 1.5}),
        Sample("s5cmd", 2, wall_s=35.0, cpu_s=51.0, peak_bytes=330_000_000, requests=2002),
        Sample("s3plan", 3, wall_s=3.9, cpu_s=2.5, peak_bytes=89_000_000, requests=2010),
        Sample("s5cmd", 3, wall_s=32.0, cpu_s=49.0, peak_bytes=310_000_000, requests=2002),
    )
    result = WorkResult(PLAN.name, PLAN.title, PLAN.objects, samples)
    alone = WorkResult("start", "s3plan --help", 1, (Sample("s3plan", 1, wall_s=0.2, cpu_s=0.2, peak_bytes=1),))
    taken = {"plan": "2026-11-21T07:00:00+00:00", "start": "2026-11-22T07:00:00+00:00"}
    return Report({"processor": "two cores"}, {"s3plan": "s3plan 0.1.0"}, taken, (result, alone))


def test_tools_take_turns_until_all_rounds_are_done() -> None:
    asked: list[tuple[str, int]] = []

    def run(tool: str, number: int) -> Sample:
        asked.append((tool, number))
        return Sample(tool, number, wall_s=1.0)

    samples = list(alternate(["a", "b", "c"], rounds=2, patience_s=9, run=run))

    assert asked == [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("c", 2)]
    assert [(sample.tool, sample.round) for sample in samples] == asked


def test_a_tool_that_failed_or_was_slow_or_has_no_such_work_is_not_asked_again() -> None:
    answers = {
        "good": Sample("good", 1, wall_s=1.0),
        "slow": Sample("slow", 1, wall_s=10.0),
        "failed": Sample("failed", 1, failure="no"),
        "without": None,
    }
    asked: list[str] = []

    def run(tool: str, number: int) -> Sample | None:
        asked.append(f"{tool} {number}")
        return answers[tool]

    samples = list(alternate(list(answers), rounds=3, patience_s=9, run=run))

    assert asked == ["good 1", "slow 1", "failed 1", "without 1", "good 2", "good 3"]
    assert [sample.tool for sample in samples] == ["good", "slow", "failed", "good", "good"]


def test_a_figure_is_the_median_with_its_spread_and_the_ratio_to_s3plan() -> None:
    ours, s5cmd, aws, rclone = report().results[0].figures()

    assert ours.wall_s is not None
    assert (ours.wall_s.median, ours.wall_s.least, ours.wall_s.greatest, ours.ratio) == (4.0, 3.9, 5.0, 1.0)
    assert (s5cmd.runs, s5cmd.ratio, s5cmd.requests) == (3, 8.25, 2002)
    assert (aws.runs, aws.wall_s, aws.ratio, aws.failure) == (0, None, None, "ended with 1: no\n  such bucket")
    assert (rclone.runs, rclone.over_s, rclone.ratio) == (0, 900.0, 225.0)


def test_a_run_that_did_not_do_the_work_changes_no_figure() -> None:
    good = [Sample("s3plan", number, wall_s=2.0) for number in (1, 2, 3)]
    result = WorkResult("copy", "copy", 10, (*good, Sample("s3plan", 4, wall_s=0.1, failure="nothing was copied")))

    [figure] = result.figures()

    assert figure.wall_s is not None
    assert (figure.runs, figure.wall_s.least, figure.failure) == (3, 2.0, "nothing was copied")


def test_the_text_is_a_table_for_each_work() -> None:
    assert text_of(report()).splitlines() == [
        "plan, <few> objects",
        "          runs     wall     (least - most)     CPU  memory  requests  us/object  to s3plan",
        "  s3plan     3   4.00 s  (3.90 s - 5.00 s)  3.00 s   90 MB     2,010    2,000.0      1.00x",
        "  s5cmd      3   33.0 s  (32.0 s - 35.0 s)  50.0 s  320 MB     2,002   16,500.0      8.25x",
        "  aws        0   failed                                                                  -",
        "  rclone     0  > 900 s                                                             > 225x",
        "  s3plan: before: 1.50 s",
        "  aws failed: ended with 1: no such bucket",
        "",
        "s3plan --help",
        "          runs    wall     (least - most)     CPU  memory  requests  us/object  to s3plan",
        "  s3plan     1  200 ms  (200 ms - 200 ms)  200 ms    0 MB         -          -      1.00x",
        "",
        "processor: two cores",
        "s3plan: s3plan 0.1.0",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0314, "31 ms"), (0.9994, "999 ms"), (0.9996, "1.00 s"), (9.994, "9.99 s"), (9.996, "10.0 s"), (134.4, "134 s")],
)
def test_times_have_three_digits(value: float, text: str) -> None:
    assert seconds(value) == text


def test_sizes_and_ratios_are_short() -> None:
    assert [megabytes(7_312_000_000), ratio(None), ratio(1), ratio(33.44), ratio(1234)] == [
        "7,312 MB",
        "-",
        "1.00x",
        "33.4x",
        "1,234x",
    ]


def test_the_report_survives_its_json() -> None:
    document = json.loads(json.dumps(to_json(report())))

    assert from_json(document) == report()
    assert document["works"][0]["figures"][1]["wall_s"] == {"median": 33.0, "least": 32.0, "greatest": 35.0}
    with pytest.raises(ValueError, match="no benchmark report"):
        from_json({"format": 0})


def test_works_of_an_earlier_report_are_kept_behind_those_that_were_run_now() -> None:
    again = WorkResult("start", "s3plan --help", 1, (Sample("s3plan", 1, wall_s=0.1),))
    taken = {"start": "2026-12-01T00:00:00+00:00"}
    now = Report({"processor": "four cores"}, {"s3plan": "s3plan 0.2.0"}, taken, (again,))

    both = now.with_earlier(report())

    assert [(result.name, result.samples[0].wall_s) for result in both.results] == [("start", 0.1), ("plan", 4.0)]
    assert both.taken == {"plan": "2026-11-21T07:00:00+00:00"} | taken


def test_the_picture_has_a_bar_for_each_tool_of_a_work_with_peers() -> None:
    picture = ET.fromstring(svg_of(report()))
    space = "{http://www.w3.org/2000/svg}"
    bars = picture.findall(f"{space}rect")
    texts = [text.text for text in picture.findall(f"{space}text")]

    assert [bar.get("class") for bar in bars] == ["o", "b", "b"]
    assert [float(bar.get("width", "")) for bar in bars] == [2.3, 19.1, 520.0]
    assert texts == [
        "plan, <few> objects",
        *("s3plan", "4.00 s · 1.00x", "s5cmd", "33.0 s · 8.25x"),
        *("rclone", "stopped after 900 s · 225x"),
    ]


def test_the_page_keeps_all_that_is_outside_its_markers() -> None:
    page = with_results(f"before\n{BEGIN}\nold\n{END}\nafter\n", report(), picture="results/figures.svg")

    assert page.startswith(f"before\n{BEGIN}\n\nTaken on 2026-11-21, 2026-11-22.\n\n![")
    assert page.endswith(f"\n```\n\n{END}\nafter\n")
    assert "](results/figures.svg)" in page
    assert "old" not in page
    assert with_results(page, report(), picture="results/figures.svg") == page
    with pytest.raises(ValueError, match="has no lines"):
        with_results("nothing", report(), picture="x")


def test_the_page_of_the_repository_has_the_markers() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")

    assert page.index(BEGIN) < page.index(END)


def test_one_percent_of_a_mirror_is_changed_new_or_gone() -> None:
    work = Work("mirror", "", Kind.MIRROR, 30_000)
    ours, theirs = work.source, work.destination

    assert ours is not None
    assert theirs is not None
    touched = [
        number
        for number in range(work.objects)
        for rule in (ours.absent, ours.changed, theirs.absent)
        if rule is not None and rule.has(number)
    ]
    assert len(touched) == len(set(touched)) == 300


def test_works_are_chosen_by_name_and_growth_by_its_family() -> None:
    everything = works(Sizes(growth=(10, 20)))

    assert chosen(everything, ()) == everything
    assert [work.name for work in chosen(everything, ("copy", "plan"))] == ["plan", "copy"]
    assert [work.name for work in chosen(everything, ("growth-plan",))] == ["growth-plan-10", "growth-plan-20"]
    assert len(chosen(everything, ("growth",))) == 4
    with pytest.raises(KeyError, match="plann"):
        chosen(everything, ("plann",))


def test_the_command_takes_sizes_and_quick_makes_them_all_small() -> None:
    sizes = sizes_of(parsed(["--plan-objects", "10_000_000", "--growth-objects", "10,20", "--list-latency-ms", "7"]))
    quick = sizes_of(parsed(["--quick", "--plan-objects", "10000000"]))

    assert (sizes.plan, sizes.copy, sizes.growth, sizes.list_latency_ms) == (10_000_000, 100_000, (10, 20), 7)
    assert (quick.plan, quick.growth) == (10_000, (1000, 10_000))


def test_each_peer_tells_how_many_copies_its_dry_run_names(tmp_path: Path) -> None:
    said = {
        "s5cmd": "cp s3://a/data/1 s3://b/data/1\ncp s3://a/data/2 s3://b/data/2\n",
        "rclone": "NOTICE: 1: Skipped copy as --dry-run is set (size 1Ki)\nNOTICE: Transferred: 1\n",
        "aws": "(dryrun) copy: s3://a/data/1 to s3://b/data/1\n",
    }
    counts = {}
    for name, text in said.items():
        (tmp_path / "output.txt").write_text(text, encoding="utf-8")
        counts[name] = Peer(name, "", f"/{name}").planned(tmp_path)
    (tmp_path / "output.txt").write_text("copies: 12\n", encoding="utf-8")
    events = '{"event": "listed"}\n{"event": "plan-saved", "actions": 9}\n'
    (tmp_path / "events.jsonl").write_text(events, encoding="utf-8")

    assert counts == {"s5cmd": 2, "rclone": 1, "aws": 1}
    assert Boto3Pool("").planned(tmp_path) == 12
    assert S3Plan("").planned(tmp_path) == 9


def test_a_resumed_plan_is_made_and_half_done_once_and_then_goes_on(tmp_path: Path) -> None:
    work = Work("resume", "", Kind.RESUME, 1000, only_s3plan=True)
    first = S3Plan("").steps(work, folder=tmp_path, endpoint="http://127.0.0.1:1")
    (tmp_path / ".s3plan").mkdir()
    second = S3Plan("").steps(work, folder=tmp_path, endpoint="http://127.0.0.1:1")

    assert [command.arguments[3:] for command in first.before] == [
        ("plan", "job.yaml", "--json-into", "events.jsonl"),
        ("apply", "--yes", "--limit", "500"),
    ]
    assert second.before == ()
    assert first.timed == second.timed
    assert Peer("s5cmd", "", "/s5cmd").steps(work, folder=tmp_path, endpoint="") is None


def test_a_process_is_measured_with_its_children_and_its_output_is_kept(tmp_path: Path) -> None:
    child = f"import subprocess; subprocess.run([{sys.executable!r}, '-c', 'bytearray(60_000_000)']); print('said')"
    cost = run_measured([Command((sys.executable, "-S", "-c", child))], folder=tmp_path, environment={}, timeout_s=60)

    assert cost.peak_bytes > 60_000_000
    assert cost.cpu_s > 0
    assert cost.wall_s > 0
    assert (tmp_path / "output.txt").read_text(encoding="utf-8") == "said\n"


def test_a_process_that_ends_badly_or_never_is_no_measurement(tmp_path: Path) -> None:
    bad = Command((sys.executable, "-S", "-c", "import sys; sys.exit('it is broken')"))
    endless = Command((sys.executable, "-S", "-c", "while True: pass"))

    with pytest.raises(RunFailed, match="it is broken"):
        run_measured([bad], folder=tmp_path, environment={}, timeout_s=60)
    with pytest.raises(RunStopped, match="stopped after 1 s"):
        run_measured([endless], folder=tmp_path, environment={}, timeout_s=1)


def test_a_store_that_is_not_on_this_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="not on this machine"), opened_store("http://192.0.2.1", folder=tmp_path):
        pass


def test_without_go_the_command_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StoreUnusable, match="apt install golang-go"), opened_store(None, folder=tmp_path):
        pass


class FakeStore:
    """A store whose destination changes by what a test says, whatever was run."""

    endpoint = "http://127.0.0.1:1"
    has_latency = True

    def __init__(self, *, begun: Comparison, ended: Comparison) -> None:
        self._looks = [begun, ended]
        self.filled: list[str] = []

    def fill(self, bucket: str, seed: Seed | None) -> None:
        self.filled.append(bucket)

    def compare(self, a: str, b: str) -> Comparison:
        return self._looks.pop(0)

    def set_latency(self, *, request_ms: int, list_ms: int) -> None: ...
    def reset(self) -> None: ...

    def stats(self) -> Stats:
        return Stats({"CopyObject": 5, "refused 412": 1}, {"CopyObject": 1.0}, 0.5)


class FakeTool:
    name = "s5cmd"
    version = ""

    def steps(self, work: Work, *, folder: Path, endpoint: str) -> Steps:
        return Steps((Command((sys.executable, "-S", "-c", "pass")),))

    def planned(self, folder: Path) -> int:
        return 0


def run_once(tmp_path: Path, work: Work, *, begun: Comparison, ended: Comparison) -> tuple[Sample | None, list[str]]:
    store = FakeStore(begun=begun, ended=ended)
    return Runner(store, tmp_path, "", 60.0).run(work, FakeTool(), 1), store.filled


def test_a_run_counts_if_the_buckets_are_alike_afterwards(tmp_path: Path) -> None:
    begun, ended = Comparison(5, 0, 5, 0, 0), Comparison(5, 5, 0, 0, 0)
    sample, filled = run_once(tmp_path, Work("copy", "", Kind.COPY, 5), begun=begun, ended=ended)

    assert sample is not None
    assert (sample.failure, sample.requests, sample.server_cpu_s) == (None, 5, 0.5)
    assert filled == [DESTINATION]


def test_a_run_that_copied_too_little_has_failed_however_fast_it_was(tmp_path: Path) -> None:
    begun, ended = Comparison(5, 0, 5, 0, 0), Comparison(5, 4, 1, 0, 0)
    sample, _ = run_once(tmp_path, Work("copy", "", Kind.COPY, 5), begun=begun, ended=ended)

    assert sample is not None
    assert sample.failure is not None
    assert "the work was not done" in sample.failure


def test_a_plan_that_misses_differences_or_changes_objects_has_failed(tmp_path: Path) -> None:
    same = Comparison(2000, 2000, 0, 0, 2)
    missed, _ = run_once(tmp_path, PLAN, begun=same, ended=same)
    changed, _ = run_once(tmp_path, PLAN, begun=same, ended=Comparison(2000, 2000, 0, 0, 0))

    assert missed is not None
    assert changed is not None
    assert missed.failure == "the plan names 0 copies, but 2 objects differ"
    assert "the work was not done" in str(changed.failure)


def test_a_rule_names_every_nth_object() -> None:
    assert [number for number in range(10) if Rule(4, 1).has(number)] == [1, 5, 9]
