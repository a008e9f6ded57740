"""Two threads at once, on the same objects, get what one thread gets."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import infoq
from infoq import likelihoods
from infoq.settings import current_options

RNG = np.random.default_rng(0)
N, K, C, P = 30, 6, 3, 4
PROBS, TARGETS = RNG.dirichlet(np.ones(C), (N, K)), RNG.dirichlet(np.ones(C), (5, K))
FEATURES, LABELS = RNG.standard_normal((N, P)), RNG.integers(C, size=N)
ROUNDS = 3


class Shared:
    """Objects that both threads use, made anew, so that nothing of them is computed yet."""

    def __init__(self, backend):
        a = backend.array
        self.draws, self.targets = infoq.Categorical(a(PROBS)), infoq.Categorical(a(TARGETS))
        self.features, self.softmax = a(FEATURES), likelihoods.Softmax(a(PROBS[:, 0]))
        self.layer = infoq.LastLayerEmbedding(self.features, self.softmax)
        self.gaussian = infoq.Gaussian(self.layer, infoq.laplace(self.layer[:9], 1.0))
        self.labels = a(LABELS)
        self.log_det = infoq.LogDet(self.features, ridge=1.0)
        self.batches = infoq.EIG(self.draws, samples=8, seed=3)


CALLS = {
    "bald": lambda x: infoq.bald(x.draws),
    "epig": lambda x: infoq.epig(x.draws, x.targets),
    "ig": lambda x: infoq.ig(x.draws, x.labels),
    "eig of a Gaussian": lambda x: infoq.eig(x.gaussian),
    "jepig of a Gaussian": lambda x: infoq.jepig(x.gaussian, x.layer[:2]),
    "observed": lambda x: infoq.eig(
        x.gaussian, given=x.gaussian.observe(x.gaussian.context(), index=1)
    ),
    "gains, sampled": lambda x: infoq.greedy(x.batches, 3).gains,
    "picks": lambda x: infoq.greedy(x.log_det, 4).indices,
    "random picks": lambda x: infoq.sample(infoq.bald(x.draws), 4, seed=5).indices,
    "badge": lambda x: infoq.methods.badge(x.features, x.softmax, 3).indices,
}


@pytest.fixture(autouse=True)
def _quick_turns():
    """With a lock, threads take turns every 10 microseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def at_once(*functions):
    """What the functions return, each called in a thread of its own when all are ready."""
    barrier = threading.Barrier(len(functions))

    def run(function):
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [one.result() for one in [pool.submit(run, f) for f in functions]]


def test_two_threads_get_what_one_gets(backend):
    alone = {name: backend.numpy(call(Shared(backend))) for name, call in CALLS.items()}
    for _ in range(ROUNDS):
        x = Shared(backend)

        def all_of(names, x=x):
            return {name: backend.numpy(CALLS[name](x)) for name in names}

        # One begins where the other ends, and both meet; then both do the same.
        for names in (list(CALLS)[::-1], list(CALLS)):
            for found in at_once(lambda: all_of(CALLS), lambda names=names: all_of(names)):
                for name, expected in alone.items():
                    np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_options_are_those_of_the_thread():
    here = current_options()
    inside, left = threading.Event(), threading.Event()

    def changes():
        with infoq.options(memory="1MB"):
            inside.set()
            assert left.wait(60)
            return current_options()

    def looks():
        assert inside.wait(60)
        try:
            return current_options()
        finally:
            left.set()

    changed, seen = at_once(changes, looks)
    assert changed != here
    assert seen == here == current_options()


FIRST_USE = """
import sys, threading
sys.setswitchinterval(1e-6)
import numpy as np
import infoq
x, found, barrier = np.full((4, 3, 2), 0.5), [], threading.Barrier(2)
def use():
    barrier.wait()
    found.append(infoq.greedy(infoq.EIG(x), 2).indices.tolist())
threads = [threading.Thread(target=use) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(found, getattr(sys, "_is_gil_enabled", lambda: True)())
"""


def test_two_threads_use_a_library_for_the_first_time():
    command = [sys.executable, "-c", FIRST_USE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    # Nothing that is imported brings the lock back where there is none.
    lock = not sysconfig.get_config_var("Py_GIL_DISABLED")
    assert done.stdout.strip() == f"[[0, 1], [0, 1]] {lock}"
