from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("click")
pytest.importorskip("rich")

from click.testing import CliRunner, Result  # noqa: E402

import infoq  # noqa: E402
from infoq.cli.app import cli  # noqa: E402
from infoq.cli.files import FileError  # noqa: E402
from infoq.cli.score import Layout, score_file  # noqa: E402

N, K, C = 57, 6, 4


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["score", *map(str, arguments)])


def draws(rows: int, classes: int = C, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), size=(rows, K))


def save(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return save(tmp_path / "pool.npy", draws(N))


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    return save(tmp_path / "targets.npy", draws(9, classes=3, seed=1))


def expected(quantity: str, pool: Path, targets: Path) -> np.ndarray:
    p = np.load(pool)
    if quantity == "entropy":
        return infoq.entropy(p.mean(axis=1))
    return infoq.epig(p, np.load(targets)) if quantity == "epig" else infoq.eig(p)


def refused(result: Result, *words: str) -> None:
    """One line on stderr after what was read, nothing on stdout, no traceback."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    *read, error = result.stderr.splitlines()
    assert error.startswith("Error: ")
    assert all("posterior draws, C = " in line for line in read)
    for word in words:
        assert word in error


# --- the scores -------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["entropy", "bald", "eig", "epig"])
def test_scores_are_those_of_the_library(
    quantity: str, pool: Path, targets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.npy"
    more = ["--targets", targets] if quantity == "epig" else []
    result = run(pool, "--quantity", quantity, "-o", out, *more)
    assert result.exit_code == 0, result.output
    read = [f"{pool}: N = {N} candidates, K = {K} posterior draws, C = {C} classes; probs, float64"]
    if more:
        read += [
            f"{targets}: M = 9 targets, K = {K} posterior draws, C = 3 classes; probs, float64"
        ]
    assert result.stderr.splitlines() == [f"{line}, axes NKC" for line in read]
    assert result.stdout.split() == f"{N} scores ({quantity}, nats) written to {out}".split()
    np.testing.assert_allclose(np.load(out), expected(quantity, pool, targets), rtol=1e-12)


@pytest.mark.parametrize("quantity", ["entropy", "bald", "epig"])
@pytest.mark.parametrize("rows", [1, 5, 56, 57, 58])
def test_blocks_do_not_change_the_scores(
    quantity: str, rows: int, pool: Path, targets: Path
) -> None:
    wanted = targets if quantity == "epig" else None
    blocks = score_file(pool, quantity, targets=wanted, block_bytes=rows * K * C * 8)
    whole = score_file(pool, quantity, targets=wanted)
    np.testing.assert_allclose(blocks, whole, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("axes", ["NKC", "KNC", "NCK"])
@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
@pytest.mark.parametrize("fortran", [False, True])
def test_axes_and_kinds_agree(
    axes: str, kind: str, fortran: bool, tmp_path: Path, targets: Path
) -> None:
    def laid_out(p: np.ndarray) -> np.ndarray:
        values = p if kind == "probs" else np.log(p) + (3.0 if kind == "logits" else 0.0)
        values = np.transpose(values, ["NKC".index(axis) for axis in axes])
        return np.asfortranarray(values) if fortran else values

    p, t = draws(N), np.load(targets)
    file = save(tmp_path / "laid.npy", laid_out(p))
    goal = save(tmp_path / "goal.npy", laid_out(t))
    layout = Layout(kind, axes)
    for quantity, scores in {
        "bald": score_file(file, "bald", layout=layout, block_bytes=5000),
        "epig": score_file(file, "epig", targets=goal, layout=layout, block_bytes=5000),
    }.items():
        reference = infoq.eig(p) if quantity == "bald" else infoq.epig(p, t)
        np.testing.assert_allclose(scores, reference, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", ">f8"])
def test_the_dtype_is_kept(dtype: str, tmp_path: Path) -> None:
    file = save(tmp_path / "pool.npy", draws(N).astype(dtype))
    scores = score_file(file, "bald")
    assert scores.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_allclose(scores, infoq.eig(draws(N)), rtol=5e-2 if dtype == "<f2" else 1e-4)


def test_the_file_is_never_held_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "large.npy"
    shape = (200_000, 8, 10)
    logits = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    del logits  # a file of zeros: uniform predictions
    score_file(file, "bald", layout=Layout("logits"), block_bytes=10**6)
    tracemalloc.start()
    scores = score_file(file, "bald", layout=Layout("logits"), block_bytes=10**6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(scores, 0, atol=1e-6)
    assert peak < file.stat().st_size / 3


def test_targets_may_be_of_another_kind(pool: Path, targets: Path, tmp_path: Path) -> None:
    logits = save(tmp_path / "logits.npy", np.log(draws(N)) + 2.0)
    log_probs = save(tmp_path / "log_probs.npy", np.log(np.load(targets)))
    out = tmp_path / "scores.npy"
    for file, kind, goal, targets_kind in (
        (logits, "logits", targets, "probs"),
        (logits, "logits", log_probs, "log_probs"),
        (pool, "probs", log_probs, "log_probs"),
    ):
        kinds = ["--kind", kind, "--targets-kind", targets_kind]
        result = run(file, "-q", "epig", "-t", goal, "-o", out, *kinds)
        assert result.exit_code == 0, result.output
        pool_line, targets_line = result.stderr.splitlines()
        assert f"; {kind}, float64" in pool_line
        assert f"; {targets_kind}, float64" in targets_line
        np.testing.assert_allclose(np.load(out), expected("epig", pool, targets), rtol=1e-9)


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["-q", "BALD"],
        ["-q", "Eig"],
        ["-q", "bald", "--kind", "PROBS", "--axes", "nkc"],
        ["--quantity", "Bald", "--kind", "Probs"],
    ],
)
def test_names_are_accepted_in_any_case(arguments: list[str], pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.npy"
    assert run(pool, *arguments, "-o", out).exit_code == 0
    np.testing.assert_allclose(np.load(out), infoq.eig(np.load(pool)), rtol=1e-12)


@pytest.mark.parametrize("kind", ["log_probs", "LOG-PROBS", "logprobs", "Log_Probs"])
def test_spaces_in_names_are_written_as_one_likes(kind: str, tmp_path: Path) -> None:
    file = save(tmp_path / "pool.npy", np.log(draws(N)))
    result = run(file, "-q", "bald", "--kind", kind)
    assert result.exit_code == 0, result.output
    assert "; log_probs, float64" in result.stderr


# --- what looks wrong -------------------------------------------------------------------------


@pytest.mark.parametrize("axes", ["NKC", "KNC", "NCK"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_logits_that_sum_to_one_are_warned_of(axes: str, dtype: str, tmp_path: Path) -> None:
    p = np.transpose(draws(N), ["NKC".index(axis) for axis in axes]).astype(dtype)
    file, out = save(tmp_path / "pool.npy", p), tmp_path / "scores.npy"
    result = run(file, "-q", "bald", "--kind", "logits", "--axes", axes, "-o", out)
    assert result.exit_code == 0, result.output
    _, warning = result.stderr.splitlines()
    assert warning.startswith(f"Warning: {file}: the logits of every row and draw sum to one")
    assert "--kind probs" in warning
    odd = p.copy()
    odd[(-1,) * 3] += 0.5  # one of them
    save(file, odd)
    again = run(file, "-q", "bald", "--kind", "logits", "--axes", axes, "-o", out)
    assert "Warning" not in again.stderr


def test_logits_of_targets_that_sum_to_one_are_warned_of(
    pool: Path, targets: Path, tmp_path: Path
) -> None:
    logits = save(tmp_path / "logits.npy", np.log(draws(N)))
    result = run(logits, "-q", "epig", "-t", targets, "--kind", "logits", "--top", 1)
    assert result.exit_code == 0, result.output
    (warning,) = [line for line in result.stderr.splitlines() if line.startswith("Warning")]
    assert f"{targets}: the logits" in warning
    assert "--targets-kind probs" in warning


@pytest.mark.parametrize(
    ("kinds", "broken", "words"),
    [
        (["--kind", "probs"], "log_probs", "need --targets-kind"),
        (["--kind", "probs", "--targets-kind", "log_probs"], "probs", "--targets-kind probs?"),
    ],
)
def test_targets_are_told_of_their_own_option(
    pool: Path, targets: Path, kinds: list[str], broken: str, words: str
) -> None:
    if broken == "log_probs":
        save(targets, np.log(np.load(targets)))
    refused(run(pool, "-q", "epig", "-t", targets, *kinds), f"{targets}: row 0", words)


def test_what_may_be_meant_is_asked(tmp_path: Path) -> None:
    file = save(tmp_path / "pool.npy", draws(N).transpose(0, 2, 1).copy())
    refused(run(file, "-q", "bald"), "row 0", "along the other axis: --axes NCK?")
    save(file, draws(N))
    refused(run(file, "-q", "bald", "--axes", "NCK"), "along the other axis: --axes NKC?")
    refused(run(file, "-q", "bald", "--kind", "log_probs"), "sum to one as they are: --kind probs?")


# --- what is printed --------------------------------------------------------------------------


def printed_rows(output: str) -> list[tuple[int, int, float]]:
    cells = [line.strip("│┃ ").split("│") for line in output.splitlines() if line.startswith("│")]
    return [(int(rank), int(row), float(score)) for rank, row, score in cells]


def test_top_prints_the_best(pool: Path, targets: Path) -> None:
    result = run(pool, "-q", "bald", "--top", 5)
    assert result.exit_code == 0, result.output
    scores = expected("bald", pool, targets)
    best = np.argsort(-scores)[:5]
    rows = printed_rows(result.stdout)
    assert [rank for rank, _, _ in rows] == [1, 2, 3, 4, 5]
    assert [row for _, row, _ in rows] == best.tolist()
    np.testing.assert_allclose([value for _, _, value in rows], scores[best], rtol=1e-5)


def test_top_of_more_than_there_are_prints_all(pool: Path) -> None:
    result = run(pool, "-q", "entropy", "--top", 1000)
    assert result.exit_code == 0, result.output
    assert sorted(row for _, row, _ in printed_rows(result.stdout)) == list(range(N))


def test_without_output_or_top_a_summary_is_printed(pool: Path, targets: Path) -> None:
    result = run(pool, "-q", "eig")
    assert result.exit_code == 0, result.output
    scores = expected("eig", pool, targets)
    assert f"{N} candidates, eig in nats:" in result.stdout
    extent = f"min {scores.min():.6g}, median {np.median(scores):.6g}, max {scores.max():.6g}"
    assert extent in result.stdout
    assert len(printed_rows(result.stdout)) == 10


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_goes_to_a_terminal_only(
    terminal: bool, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
    result = run(pool, "-q", "bald", "-o", pool.with_name("scores.npy"))
    assert result.exit_code == 0, result.output
    assert (f"{N}/{N}" in result.stderr) == terminal
    assert "57/57" not in result.stdout


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (np.nan, "holds NaN (draw 2)"),
        (-0.25, "holds a negative probability, -0.25 (draw 2)"),
        (9.0, "probabilities sum to"),
        (np.inf, "probabilities sum to inf, not to one (draw 2)"),
    ],
)
@pytest.mark.parametrize("row", [0, 31, N - 1])
def test_the_row_at_fault_is_that_of_the_file(
    fault: float, words: str, row: int, tmp_path: Path
) -> None:
    p = draws(N)
    p[row, 2, 1] = fault
    p[-1, 2, 1] = fault  # a later fault is not reported
    file = save(tmp_path / "pool.npy", p)
    for block in (1, 10, 1000):
        with pytest.raises(FileError) as caught:
            score_file(file, "bald", block_bytes=block * K * C * 8)
        assert str(caught.value).startswith(f"{file}: row {row}: ")
        assert words in str(caught.value)
    refused(run(file, "-q", "bald"), f"{file}: row {row}: ", words)


@pytest.mark.parametrize("axes", ["NKC", "KNC", "NCK"])
def test_the_row_at_fault_is_found_along_any_axes(axes: str, tmp_path: Path) -> None:
    p = draws(N)
    p[40, 3] *= 0.5
    file = save(tmp_path / "pool.npy", np.transpose(p, ["NKC".index(axis) for axis in axes]))
    words = "row 40: its probabilities sum to 0.5, not to one (draw 3)"
    refused(run(file, "-q", "bald", "--axes", axes), words)


def test_log_probabilities_and_logits_are_checked(tmp_path: Path) -> None:
    p = np.log(draws(N))
    p[7, 1] += 1.0
    file = save(tmp_path / "log.npy", p)
    refused(run(file, "-q", "bald", "--kind", "log_probs"), "row 7: its probabilities sum to 2.718")
    assert run(file, "-q", "bald", "--kind", "logits").exit_code == 0
    refused(run(file, "-q", "bald"), "row 0: holds a negative probability", "--kind")
    p[9, 1] = -np.inf
    refused(run(save(file, p), "-q", "bald", "--kind", "logits"), "row 9: its logits")
    p[8, 1, 0] = np.nan
    refused(run(save(file, p), "-q", "bald", "--kind", "logits"), "row 8: holds NaN")


def test_wrong_files_are_named(tmp_path: Path) -> None:
    refused(run(tmp_path / "absent.npy", "-q", "bald"), "absent.npy: no such file")
    refused(run(tmp_path, "-q", "bald"), "is a directory")
    (tmp_path / "empty.npy").touch()
    refused(run(tmp_path / "empty.npy", "-q", "bald"), "empty.npy: is empty")
    flat = save(tmp_path / "flat.npy", np.full((3, 2), 0.5))
    refused(run(flat, "-q", "entropy"), "flat.npy: has shape (3, 2)", "p[:, None, :]")
    whole = save(tmp_path / "whole.npy", np.ones((3, 2, 1), dtype=int))
    refused(run(whole, "-q", "bald"), "whole.npy: has dtype int64", "astype")
    np.savez(tmp_path / "zipped.npz", p=draws(2))
    refused(run(tmp_path / "zipped.npz", "-q", "bald"), "zipped.npz: is an .npz archive")
    objects = np.array([[[None]]], dtype=object)
    np.save(tmp_path / "objects.npy", objects, allow_pickle=True)
    refused(run(tmp_path / "objects.npy", "-q", "bald"), "objects.npy: holds pickled")


@pytest.mark.parametrize(
    ("shape", "axes", "what"),
    [
        ((0, 3, 2), "NKC", "candidates"),
        ((3, 0, 2), "NKC", "posterior draws"),
        ((3, 2, 0), "NKC", "classes"),
        ((0, 3, 2), "KNC", "posterior draws"),
        ((3, 2, 0), "NCK", "posterior draws"),
    ],
)
def test_empty_axes_are_named(shape: tuple[int, ...], axes: str, what: str, tmp_path: Path) -> None:
    file = save(tmp_path / "none.npy", np.zeros(shape))
    refused(run(file, "-q", "bald", "--axes", axes), f"none.npy: has no {what}", str(shape))


def test_targets_are_checked_like_the_pool(pool: Path, tmp_path: Path) -> None:
    def score_with(array: np.ndarray) -> Result:
        return run(pool, "-q", "epig", "--targets", save(tmp_path / "goal.npy", array))

    refused(score_with(draws(9)[:, :-1]), "goal.npy: has 5 posterior draws", "pool.npy has 6")
    refused(score_with(draws(9).astype(np.float32)), "goal.npy: has dtype float32", "float64")
    refused(score_with(draws(9)[:0]), "goal.npy: has no candidates")
    refused(score_with(draws(9)[0]), "goal.npy: has shape (6, 4)")
    wrong = draws(9)
    wrong[4, 0, 0] = np.nan
    refused(score_with(wrong), "goal.npy: row 4: holds NaN")
    refused(run(pool, "-q", "epig", "--targets", tmp_path / "absent.npy"), "absent.npy: no such")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-q", "epig"], "--quantity epig needs --targets"),
        (["-q", "bald", "--targets", "t.npy"], "--targets belongs to --quantity epig, not to bald"),
        ([], "--quantity"),
        (["-q", "gini"], "there is no 'gini': it is one of entropy, bald, eig, epig"),
        (["-q", "BLAD"], "there is no 'BLAD': did you mean bald?"),
        (["-q", "bald", "--kind", "log_prob"], "did you mean log_probs"),
        (["-q", "bald", "--targets-kind", "probs"], "--targets-kind belongs to --targets"),
        (["-q", "bald", "-o", "-", "--top", "3"], "--output - and --top both print"),
        (["-q", "bald", "--axes", "CNK"], "CNK"),
        (["-q", "bald", "--kind", "odds"], "odds"),
        (["-q", "bald", "--top", "0"], "--top"),
    ],
)
def test_wrong_usage_is_explained(arguments: list[str], words: str, pool: Path) -> None:
    result = run(pool, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_an_existing_output_survives_a_failure(pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.npy"
    assert run(pool, "-q", "bald", "-o", out).exit_code == 0
    before = out.read_bytes()
    p = draws(N)
    p[50, 0, 0] = np.nan
    bad = save(tmp_path / "bad.npy", p)
    refused(run(bad, "-q", "bald", "-o", out), "bad.npy: row 50")
    assert out.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"pool.npy", "bad.npy", "scores.npy"}


def test_unwritable_outputs_are_refused(pool: Path, tmp_path: Path) -> None:
    refused(run(pool, "-q", "bald", "-o", tmp_path / "no" / "s.npy"), "s.npy: cannot be written")
    refused(run(pool, "-q", "bald", "-o", tmp_path), "cannot be written: is a directory")
    before = pool.read_bytes()
    refused(run(pool, "-q", "bald", "-o", pool), "pool.npy: is the input")
    assert pool.read_bytes() == before


def test_other_formats_are_refused_before_the_work(pool: Path, tmp_path: Path) -> None:
    out = tmp_path / "s.parquet"
    result = run(tmp_path / "absent.npy", "-q", "bald", "-o", out)
    refused(result, "s.parquet: no .parquet file is written; end the name in .npy, .csv")
    assert list(tmp_path.iterdir()) == [pool]


def test_a_dash_is_standard_output(pool: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(pool, "-q", "bald", "-o", "-")
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head == "row,bald"
    scores = infoq.eig(np.load(pool))
    assert [row.split(",")[0] for row in rows] == [str(n) for n in range(N)]
    np.testing.assert_allclose([float(row.split(",")[1]) for row in rows], scores, rtol=1e-12)
    assert list(tmp_path.iterdir()) == [pool]


def test_an_interrupt_is_one_line_and_its_exit_code(
    pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(infoq, "eig", interrupted)
    result = run(pool, "-q", "bald", "-o", tmp_path / "scores.npy")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr.splitlines()[1:] == ["Error: interrupted"]
    assert list(tmp_path.iterdir()) == [pool]


@pytest.mark.parametrize("kind", ["probs", "log_probs", "logits"])
def test_one_class_is_refused(kind: str, tmp_path: Path) -> None:
    file = save(tmp_path / "pool.npy", np.ones((4, 3, 1)))
    refused(run(file, "-q", "bald", "--kind", kind), "pool.npy: has one class")


def test_odd_file_names_stay_one_line(tmp_path: Path) -> None:
    refused(
        run(tmp_path / "a\nb [red]\x1b[31m.npy", "-q", "bald"), "a b [red]\\x1b[31m.npy: no such"
    )
