"""The harness itself, on tiny inputs; no time is asserted, and no peer is needed."""

import dataclasses
import functools
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from . import environment, measure, oracles, oracles_weight_space, report, runner, startup
from .contenders import Contender
from .job import Target
from .jobs import BALD, JOBS
from .jobs_weight_space import LAST_LAYER, MANY_CLASSES

HERE = str(Path(__file__).resolve().parent)


def no_memory(*_):
    return None


def ticks():
    """A clock by which every call takes a second, however busy the machine is."""
    return functools.partial(next, itertools.count(0.0))


def mixture(first, second, draws=20):
    m = np.linspace(0.0, 1.0, draws)[:, None]
    return (1 - m) * np.asarray(first) + m * np.asarray(second)


@pytest.fixture
def four():
    return np.stack(
        [
            mixture([0.7, 0.1, 0.1, 0.1], [0.3, 0.3, 0.2, 0.2]),
            mixture([0.1, 0.7, 0.1, 0.1], [0.2, 0.3, 0.3, 0.2]),
            mixture([0.1, 0.1, 0.7, 0.1], [0.2, 0.2, 0.3, 0.3]),
            mixture([0.1, 0.1, 0.1, 0.7], [0.3, 0.2, 0.2, 0.3]),
        ]
    )


def test_bald_oracle(four):
    np.testing.assert_allclose(oracles.bald({"probs": four}), 0.030715640, atol=1e-9)


def test_bald_oracle_takes_zeros():
    probs = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    np.testing.assert_allclose(oracles.bald({"probs": probs}), np.log(2.0))


def test_epig_oracle_by_enumeration(four):
    truth = np.zeros(4)
    for i, candidate in enumerate(four):
        for target in four:
            joint = np.einsum("ka,kb->ab", candidate, target) / len(candidate)
            alone = np.outer(candidate.mean(axis=0), target.mean(axis=0))
            truth[i] += (joint * np.log(joint / alone)).sum() / 4
    scores = oracles.epig({"pool": four, "targets": four}, block=3)
    np.testing.assert_allclose(scores, truth, rtol=1e-12)


@pytest.mark.parametrize(("picks", "value"), [([0], 0.0307156), ([0, 1, 2, 3], 0.1127530)])
def test_joint_eig(four, picks, value):
    assert oracles.joint_eig(four, np.asarray(picks)) == pytest.approx(value, abs=2e-3)


def test_greedy_batch_picks_each_once(four):
    batch = oracles.greedy_batch({"probs": four}, batch=10, samples=1000)
    assert sorted(batch.indices) == [0, 1, 2, 3]


def test_a_batch_with_a_repeated_pick_is_refused(four):
    truth = oracles.Batch(np.array([0, 1]), 0.06)
    with pytest.raises(ValueError, match="different picks"):
        oracles.batch_differences({"probs": four}, truth, oracles.Batch(np.array([0, 0]), 0.06))


def test_calls_are_interleaved():
    seen = []
    calls = {name: lambda name=name: seen.append(name) for name in "abc"}
    times = measure.interleave(calls, rounds=4, seconds=60.0, clock=ticks())
    assert seen == list("abc" * 4)
    assert all(len(t.seconds) == 4 for t in times.values())


def test_the_slow_leave_after_three_rounds():
    times = measure.interleave({"a": lambda: None}, rounds=9, seconds=2.5, clock=ticks())
    assert times["a"].seconds == (1.0, 1.0, 1.0)


def test_speedup_is_of_pairs():
    fast, slow = measure.Times((1.0, 2.0, 4.0)), measure.Times((3.0, 6.0, 12.0))
    assert measure.speedup(fast, over=slow) == 3.0
    assert fast.median == 2.0
    assert fast.spread == (1.0, 4.0)
    assert measure.best({"fast": fast, "slow": slow}, ["slow", "absent"]) == "slow"


def test_peak_memory_sees_what_is_freed_again():
    def call():
        np.ones(8 << 20)  # 64 MiB
        return np.ones(1 << 20)

    memory = measure.peak_memory(call)
    if "lower bound" in memory.method:
        pytest.skip("the system has no high-water mark that can be reset")
    assert 60 << 20 < memory.bytes < 80 << 20


def test_starting_is_timed_beside_a_bare_interpreter():
    times = startup.start(rounds=2, clock=ticks())
    assert times["import infoq"].seconds == times[startup.BARE].seconds == (1.0, 1.0)
    assert startup.beyond(times, "import infoq").seconds == (0.0, 0.0)
    page = report.of_starting(times)
    assert "| import infoq | 1.00 s [1.00, 1.00] | 0.00 ms [0.00, 0.00] |" in page
    assert f"| {startup.BARE} | 1.00 s [1.00, 1.00] |  |" in page


def test_environment_is_cleaned_once():
    environ = {"OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "8", "HOME": "/"}
    assert environment.clean(environ)
    assert environ == environment.FIXED | {"HOME": "/"}
    assert not environment.clean(environ)


@pytest.mark.parametrize("name", JOBS)
def test_every_job_runs_small(name, request):
    job, library = JOBS[name], request.config.getoption("--backend", "numpy")
    if library not in ("numpy", "all", "installed"):  # what is on NumPy runs with NumPy
        of_library = {"torch": "torch", "jax": "JAX, no jit"}.get(library)
        these = tuple(x for x in job.contenders if x.library == of_library)
        if not any(x.own for x in these):
            pytest.skip(f"infoq is not timed on {library}")
        job = dataclasses.replace(job, contenders=these, targets=(), limits=())
    result = runner.run(job, no_memory, small=True, rounds=2)
    assert result.wrong == []
    timed = [row for row in result.rows if row.times is not None]
    assert timed or any(row.contender.own and row.contender.missing for row in result.rows)
    page = report.page([result], environment.describe(["numpy"]), None)
    assert all(row.contender.name in page for row in result.rows)


def with_contenders(*contenders):
    return dataclasses.replace(BALD, contenders=contenders, targets=(), limits=())


def test_what_is_not_installed_is_listed():
    absent = Contender("absent", "absent", "NumPy", lambda _: None, modules=("no_such_module",))
    result = runner.run(with_contenders(absent), no_memory, small=True)
    assert result.rows[0].times is None
    assert "not installed (no_such_module)" in report.section(result)


@pytest.mark.parametrize(
    ("scores", "problem"),
    [(np.zeros(40), "disagrees"), (np.full(40, np.nan), "disagrees"), (np.zeros(3), "fails")],
)
def test_a_wrong_answer_is_not_timed(scores, problem):
    wrong = Contender("wrong", "infoq", "NumPy", lambda _: lambda: scores)
    result = runner.run(with_contenders(wrong), no_memory, small=True)
    assert result.rows[0].times is None
    assert problem in result.rows[0].problem
    assert len(result.wrong) == 1


def test_targets_are_measured_against_the_best_peer():
    truth = oracles.bald(BALD.inputs(BALD.small))
    own = Contender("own", "infoq", "NumPy", lambda _: lambda: truth)
    peer = Contender("peer", "peer", "NumPy", lambda _: lambda: truth)
    sizes = {"own": 1 << 20, "peer": 30 << 20}
    result = runner.run(
        with_contenders(own, peer),
        lambda _, contender: measure.Memory(sizes[contender.name], "made up"),
        small=True,
        rounds=2,
    )
    target = BALD.targets[0]
    assert result.best_peer == "peer"
    assert result.reached(dataclasses.replace(target, contender="peer")) == 1.0
    assert result.reached(dataclasses.replace(target, contender="own", measure="memory")) == 30.0


def own_and_peers(*peers, sizes=None, slow=()):
    truth = oracles.bald(BALD.inputs(BALD.small))

    def contender(name, distribution, library, scale=None):
        return Contender(name, distribution, library, lambda _: lambda: truth, scale=scale)

    job = with_contenders(
        contender("own", "infoq", "torch"),
        *(contender(name, "peer", library, slow.get(name)) for name, library in peers),
    )
    memory = {name: measure.Memory(value, "made up") for name, value in (sizes or {}).items()}
    return runner.run(job, lambda _, c: memory.get(c.name), small=True, rounds=2, clock=ticks())


def test_a_scaled_contender_is_timed_as_if_it_had_done_all():
    scale = {"part": lambda size: 1e6 * size["N"]}
    result = own_and_peers(("whole", "NumPy"), ("part", "NumPy"), slow=scale)
    part, whole = result.row("part"), result.row("whole")
    assert (part.scale, whole.scale) == (4e7, 1.0)
    assert (part.times.median, whole.times.median) == (4e7, 1.0)
    assert result.best_peer == "whole"
    page = report.section(result)
    assert "4e+07 times the measured" in page
    assert page.count("times the measured") == 1


def test_scaled_times():
    times = measure.Times((1.0, 2.0, 6.0)).scaled(10.0)
    assert times.seconds == (10.0, 20.0, 60.0)
    assert times.spread == (10.0, 60.0)


def test_a_target_may_name_the_library_of_the_peer():
    scale = {"slow torch": lambda _: 1e6}
    peers = (("numpy only", "NumPy"), ("slow torch", "NumPy and torch"))
    result = own_and_peers(*peers, sizes={"own": 1, "numpy only": 2, "slow torch": 8}, slow=scale)
    of_all = Target("own", "time", 1e3)
    on_torch = dataclasses.replace(of_all, library="torch")
    assert (result.rival(of_all), result.rival(on_torch)) == ("numpy only", "slow torch")
    assert result.met(of_all) is False
    assert result.met(on_torch) is True
    assert result.reached(dataclasses.replace(of_all, measure="memory")) == 2.0
    assert result.reached(dataclasses.replace(on_torch, measure="memory")) == 8.0
    assert result.met(dataclasses.replace(of_all, library="JAX")) is None
    result.job = dataclasses.replace(result.job, targets=(of_all, on_torch))
    lines = [line for line in report.section(result).splitlines() if line.startswith("- Target")]
    assert "1,000 times faster than the best peer. " in lines[0]
    assert "the best peer on torch (slow torch). " in lines[1]
    assert [line.rpartition(": ")[2] for line in lines] == ["**not reached**.", "**reached**."]


def test_a_target_may_name_the_peer():
    scale = {"slow": lambda _: 1e6}
    result = own_and_peers(("fast", "NumPy"), ("slow", "C++"), slow=scale)
    target = Target("own", "time", 1e3, peer="slow")
    assert result.best_peer == "fast"
    assert result.rival(target) == "slow"
    assert result.met(target) is True
    result.job = dataclasses.replace(result.job, targets=(target,))
    assert "own: 1,000 times faster than slow. " in report.section(result)
    assert result.met(dataclasses.replace(target, peer="absent")) is None


@pytest.mark.parametrize(("size", "met"), [(500_000_000, True), (500_000_001, False), (None, None)])
def test_a_target_may_be_an_amount_of_memory(size, met):
    result = own_and_peers(slow={}, sizes={} if size is None else {"own": size})
    target = Target("own", "megabytes", 500.0)
    assert result.met(target) is met
    result.job = dataclasses.replace(result.job, targets=(target,))
    assert "own: at most 500 MB of memory. " in report.section(result)


def test_only_a_peer_may_lack_a_quantity():
    names = {"own": "infoq", "peer": "peer"}
    job = dataclasses.replace(
        with_contenders(*(Contender(n, d, "NumPy", lambda _: int) for n, d in names.items())),
        compare=lambda *_: {"max difference": 0.0},
        tolerance={"max difference": 1.0, "another": 1.0},
        own_tolerance={},
    )
    result = runner.run(job, no_memory, small=True, rounds=1)
    assert result.row("peer").times is not None
    assert "another is missing" in result.row("own").problem


# --- the oracles of weight space ------------------------------------------------------------


def _dense(inputs, bias):
    """The candidates' Fisher information, the targets' and the precision, as P x P matrices."""

    def of(name):
        phi = oracles_weight_space.features(inputs, name, bias)
        curvature = oracles_weight_space.curvatures(inputs, name)
        return [np.kron(c, np.outer(x, x)) for c, x in zip(curvature, phi, strict=True)]

    pool, targets, labelled = of("pool"), of("targets"), sum(of("labelled"))
    return pool, targets, labelled + np.eye(len(labelled))


def _logdet(matrix):
    return np.linalg.slogdet(matrix)[1]


def test_last_layer_oracles_by_the_formulas_as_written():
    inputs = LAST_LAYER.inputs(LAST_LAYER.small)
    pool, targets, p = _dense(inputs, bias=True)
    known, mean = p + sum(targets), sum(targets) / len(targets)
    truth = oracles_weight_space.last_layer(inputs).values
    np.testing.assert_allclose(
        truth["EIG log-det"], [(_logdet(p + f) - _logdet(p)) / 2 for f in pool]
    )
    np.testing.assert_allclose(
        truth["EIG trace"], [np.trace(np.linalg.solve(p, f)) / 2 for f in pool]
    )
    after = [_logdet(p + f) - _logdet(p) - _logdet(known + f) + _logdet(known) for f in pool]
    np.testing.assert_allclose(truth["JEPIG"], np.asarray(after) / 2)
    inverse = np.linalg.inv(p)
    taken = [np.trace(mean @ (inverse - np.linalg.inv(p + f))) / 2 for f in pool]
    np.testing.assert_allclose(truth["EPIG trace"], taken)
    pairs = [
        [_logdet(p + f) + _logdet(p + t) - _logdet(p) - _logdet(p + f + t) for t in targets]
        for f in pool
    ]
    epig = oracles_weight_space.pairwise_epig(inputs).values["EPIG"]
    np.testing.assert_allclose(epig, np.mean(pairs, axis=1) / 2)


def test_kronecker_oracle_by_matrices_in_full():
    inputs = MANY_CLASSES.inputs(MANY_CLASSES.small)
    pool, _, _ = _dense(inputs, bias=False)
    count = len(inputs["labelled"])
    p = count * np.kron(*oracles_weight_space.kronecker(inputs, "labelled"))
    p += np.eye(len(p))
    mean = np.kron(*oracles_weight_space.kronecker(inputs, "targets"))
    truth = oracles_weight_space.many_classes(inputs).values
    np.testing.assert_allclose(
        truth["EIG log-det"], [(_logdet(p + f) - _logdet(p)) / 2 for f in pool]
    )
    inverse = np.linalg.inv(p)
    taken = [np.trace(mean @ (inverse - np.linalg.inv(p + f))) / 2 for f in pool]
    np.testing.assert_allclose(truth["EPIG Kronecker trace"], taken)


def test_scores_are_compared_on_common_candidates():
    truth = oracles_weight_space.Scores(np.array([0, 4]), {"x": np.array([1.0, 2.0])})
    scores = oracles_weight_space.Scores(np.array([3, 4]), {"x": np.array([9.0, 2.2])})
    differences = oracles_weight_space.relative_differences({}, truth, scores)
    assert differences["x"] == pytest.approx(0.1)
    with pytest.raises(ValueError, match="no candidate"):
        oracles_weight_space.relative_differences(
            {}, truth, dataclasses.replace(scores, candidates=np.array([1, 2]))
        )


def test_command_line_cleans_its_environment_and_prints_a_page():
    command = [sys.executable, HERE, "--small", "--rounds", "1", "--job", "bald"]
    environ = os.environ | {"OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [*command, "--no-memory"], capture_output=True, text=True, env=environ, check=True
    )
    assert done.stdout.startswith("% Generated by")
    assert "## BALD" in done.stdout


def test_command_line_measures_memory():
    pytest.importorskip("infoq")
    command = [sys.executable, HERE, "--small", "--memory", "bald", "infoq on NumPy"]
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths},
        check=True,
    )
    assert json.loads(done.stdout)["bytes"] >= 0
