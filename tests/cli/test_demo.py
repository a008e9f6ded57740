from __future__ import annotations

import base64
import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

np = pytest.importorskip("numpy")
for module in ("click", "rich", "sklearn", "scipy", "matplotlib", "jinja2"):
    pytest.importorskip(module)

from click.testing import CliRunner  # noqa: E402

from infoq.cli.app import cli  # noqa: E402
from infoq.cli.demo import Settings, active, ensemble, report  # noqa: E402
from infoq.cli.demo.agreement import agree  # noqa: E402
from infoq.cli.demo.experiment import METHODS, QUANTITIES, Results, Snapshot  # noqa: E402

TINY = Settings(seeds=2, members=3, start=20, rounds=2, batch=5, jobs=1)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Collects the elements of a page and refuses tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "table":
            self.cells[dict(attrs)["id"] or ""] = []
        if tag == "td":
            self.cells[list(self.cells)[-1]].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            self.cells[list(self.cells)[-1]][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def results() -> Results:
    return active.learn(TINY)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("demo") / "report.html"
    path.write_text("an older report")
    arguments = ["demo", "--quick", "--seeds", "1", "--jobs", "1", "--output", str(path)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return path, result.stdout


def test_the_report_is_one_sound_page(quick: tuple[Path, str]) -> None:
    path, _ = quick
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert [figure["id"] for figure in page.all("figure")] == ["curves", "agreement", "picks"]
    assert [table["id"] for table in page.all("table")] == ["accuracy", "overlap"]
    assert page.all("script") == page.all("link") == []
    assert not re.search(r"https?://", text)
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_every_picture_is_embedded_and_whole(quick: tuple[Path, str]) -> None:
    images = Page(quick[0].read_text(encoding="utf-8")).all("img")
    kinds = []
    for image in images:
        assert image["alt"]
        kind, _, content = (image["src"] or "").partition(";base64,")
        data = base64.b64decode(content, validate=True)
        kinds.append(kind)
        if kind == "data:image/svg+xml":
            assert ElementTree.fromstring(data).tag == "{http://www.w3.org/2000/svg}svg"
        else:
            assert data.startswith(b"\x89PNG\r\n")
    assert kinds == ["data:image/svg+xml"] * 5 + ["data:image/png"] * 30


def test_the_tables_hold_what_was_measured(results: Results) -> None:
    page = Page(report.render(results))
    width = 8
    cells = [cell.strip() for cell in page.cells["accuracy"]]
    table = {cells[at]: cells[at + 1 : at + width] for at in range(0, len(cells), width)}
    assert tuple(table) == METHODS
    for method in METHODS:
        curve = 100 * results.accuracy(method)
        for cell, values in zip(
            table[method], (curve[:, 0], curve[:, 1], curve[:, 2]), strict=False
        ):
            assert cell == f"{values.mean():.1f} ± {values.std(ddof=1):.1f}"
    rows = [cell.strip() for cell in page.cells["overlap"]]
    spearman = agree(results.snapshots, "EPIG", "entropy").spearman
    assert rows[12] == "EPIG and entropy"
    assert rows[13] == f"{spearman.mean():.2f} ± {spearman.std(ddof=1):.2f}"


@pytest.mark.parametrize("others", [False, True])
def test_the_caption_reads_the_votes_of_an_image_that_is_shown(
    results: Results, others: bool
) -> None:
    members, snapshot = 9, results.snapshots[0]
    votes = np.random.default_rng(0).integers(10, size=(len(snapshot.candidates), members))
    votes = votes if others else votes % 2
    report_ = dataclasses.replace(results, snapshots=[dataclasses.replace(snapshot, votes=votes)])
    text = " ".join(report.render(report_).split())
    short, networks, said = re.search(
        r"<figcaption>“([^”]*)” reads: of (\d+) networks, (.*?)\.</figcaption>", text
    ).groups()
    assert text.count(f"<span>{short}</span>") >= 1
    assert int(networks) == members
    groups = re.findall(r"(\d+) says? (\d|something else)", said)
    assert sum(int(count) for count, _ in groups) == members
    parts = short.replace("+", "").split()
    assert [f"{n}×{what}" if what.isdigit() else n for n, what in groups] == parts
    assert ("+" in short) == others


def test_the_caption_of_the_run_sums_to_its_networks(quick: tuple[Path, str]) -> None:
    text = " ".join(quick[0].read_text(encoding="utf-8").split())
    (caption,) = re.findall(r"<figcaption>“[^”]*” reads: (.*?)</figcaption>", text)
    networks, *counts = map(int, re.findall(r"(\d+) (?:networks|says?)", caption))
    assert sum(counts) == networks == Settings.quick().members


def test_the_report_says_what_was_run(quick: tuple[Path, str]) -> None:
    text = quick[0].read_text(encoding="utf-8")
    settings = Settings.quick()
    assert f"K = {settings.members} networks" in text
    trained = (1 + len(METHODS) * settings.rounds) * settings.members
    assert f"{trained}, of which 0 stopped at the iteration limit" in text
    assert "1097 pool, 200 targets, 500 test" in text
    assert f"numpy {np.__version__}" in text
    assert "1 process on" in text


def test_the_command_prints_the_table(quick: tuple[Path, str]) -> None:
    path, output = quick
    for word in (*METHODS, "40 labels", "70 labels", "area"):
        assert word in output
    assert f"the report is in {path}" in output.replace("\n", " ").replace("  ", " ")


def test_runs_of_one_seed_start_alike_and_buy_new_labels(results: Results) -> None:
    assert results.settings.labels == [20, 25, 30]
    for repeat in range(TINY.seeds):
        runs = [run for run in results.runs if run.repeat == repeat]
        assert [run.method for run in runs] == list(METHODS)
        first = runs[0]
        for run in runs:
            assert np.array_equal(run.labelled[:20], first.labelled[:20])
            assert len(np.unique(run.labelled)) == 30
            assert np.isin(run.labelled, run.digits.pool).all()
            assert len(run.accuracy) == 3
            assert run.accuracy[0] == first.accuracy[0]
            if run.method == "uniform":  # which scores nothing
                assert run.scoring_seconds == 0
        chosen = {tuple(run.labelled[20:]) for run in runs}
        assert len(chosen) == len(METHODS)
    assert not np.array_equal(results.runs[0].labelled, results.runs[4].labelled)


def test_the_split_shares_no_image(results: Results) -> None:
    digits = results.runs[0].digits
    together = np.concatenate([digits.pool, digits.targets, digits.test])
    assert np.array_equal(np.sort(together), np.arange(len(digits.images)))


def test_the_same_seed_gives_the_same_result_in_any_number_of_processes(results: Results) -> None:
    again = active.learn(dataclasses.replace(TINY, jobs=2))
    for ours, theirs in zip(results.runs, again.runs, strict=True):
        assert ours.accuracy == theirs.accuracy
        assert np.array_equal(ours.labelled, theirs.labelled)
    for one, other in zip(results.snapshots, again.snapshots, strict=True):
        for quantity in QUANTITIES:
            assert np.array_equal(one.scores[quantity], other.scores[quantity])
    other_seed = active.learn(dataclasses.replace(TINY, seed=1, seeds=1, rounds=1))
    assert not np.array_equal(other_seed.runs[0].labelled[:20], results.runs[0].labelled[:20])


def test_information_is_ordered(results: Results) -> None:
    for snapshot in results.snapshots:
        entropy, bald, epig = (snapshot.scores[quantity] for quantity in QUANTITIES)
        assert (epig >= 0).all()
        assert (epig <= bald + 1e-12).all()
        assert (bald <= entropy + 1e-12).all()
        assert epig.max() > 0


def test_classes_that_nobody_labelled_have_probability_zero() -> None:
    digits = ensemble.split_digits(np.random.default_rng(0))
    labelled = digits.pool[np.isin(digits.labels[digits.pool], [3, 8])][:12]
    prediction = ensemble.train_and_predict(digits, labelled, 4, "restarts", (0,))
    assert prediction.probs.shape == (1797, 4, 10)
    np.testing.assert_allclose(prediction.probs.sum(axis=-1), 1)
    assert (prediction.probs[..., [0, 1, 2, 4, 5, 6, 7, 9]] == 0).all()
    assert (prediction.probs[..., [3, 8]] > 0).all()
    one_class = digits.pool[digits.labels[digits.pool] == 3][:12]
    with pytest.raises(ValueError, match="at least two classes"):
        ensemble.train_and_predict(digits, one_class, 1, "bootstraps", (0,))


def test_bootstraps_may_miss_classes_and_still_score() -> None:
    digits = ensemble.split_digits(np.random.default_rng(0))
    labels = digits.labels[digits.pool]
    labelled = np.array([digits.pool[labels == digit][0] for digit in range(10)])
    probs = ensemble.train_and_predict(digits, labelled, 6, "bootstraps", (0,)).probs
    missed = (probs == 0).all(axis=0)
    assert missed.any(axis=-1).all()
    assert not np.array_equal(missed[0], missed[1])
    for quantity in QUANTITIES:
        scores = active.score_pool(quantity, probs[digits.pool], probs[digits.targets])
        assert np.isfinite(scores).all()
        assert scores.max() > 0


def test_networks_that_do_not_converge_are_counted_not_printed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ensemble, "MAX_ITERATIONS", 2)
    digits = ensemble.split_digits(np.random.default_rng(0))
    assert (
        ensemble.train_and_predict(digits, digits.pool[:30], 3, "restarts", (0,)).unconverged == 3
    )
    assert capfd.readouterr() == ("", "")


def test_agreement_counts_what_is_shared(results: Results) -> None:
    size = 100
    up = np.arange(float(size))
    half = np.where(np.arange(size) >= 95, up, -up)
    snapshot = dataclasses.replace(
        results.snapshots[0],
        candidates=np.arange(size),
        scores={"BALD": up, "EPIG": up, "entropy": half},
    )
    assert isinstance(snapshot, Snapshot)
    same = agree([snapshot], "BALD", "EPIG")
    assert same.spearman == pytest.approx([1])
    assert same.overlap[10] == pytest.approx([1])
    assert same.chance[10] == pytest.approx(0.1)
    part = agree([snapshot], "BALD", "entropy")
    assert part.overlap[10] == pytest.approx([0.5])
    assert part.spearman[0] < 0


def test_options_reach_the_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []
    monkeypatch.setattr("infoq.cli.demo.run_demo", lambda path, settings: seen.append(settings))
    for options in ("", "--quick", "--seeds 4 --seed 9 --jobs 3 --ensemble bootstraps"):
        arguments = ["demo", "--output", str(tmp_path / "report.html"), *options.split()]
        assert CliRunner().invoke(cli, arguments).exit_code == 0
    changed = dataclasses.replace(Settings(), seeds=4, seed=9, jobs=3, ensemble="bootstraps")
    assert seen == [Settings(), Settings.quick(), changed]
    assert Settings().ensembles == 3 * (1 + 4 * 8)


def test_an_unwritable_report_is_found_out_first(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["demo", "--output", str(tmp_path / "no" / "report.html")])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "report.html: cannot be written" in result.stderr
