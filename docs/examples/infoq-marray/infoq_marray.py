"""marray for infoq: what masked arrays lack comes from the library that they wrap."""

from infoq.backends import Ops, ops_for


class MArrayOps(Ops):
    """Masked scores are picked last; masked entries have no factor and no solution."""

    def cholesky(self, a):
        return self._unmasked("cholesky", a)

    def cholesky_logdet(self, a):
        return self._unmasked("cholesky_logdet", a)

    def solve_triangular(self, a, b, *, lower=True):
        return self._unmasked("solve_triangular", a, b, lower=lower)

    def top_k(self, x, k):
        inner = ops_for(x.data)
        data = inner.xp.where(x.mask, inner.scalar(float("nan"), x.data), x.data)
        indices = self.xp.asarray(inner.top_k(data, k)[1])
        return self.xp.take(x, indices, axis=0), indices

    def _unmasked(self, name, *arrays, **settings):
        if any(bool(ops_for(x.data).xp.any(x.mask)) for x in arrays):
            raise ValueError(f"{name}: there are masked entries")
        function = getattr(ops_for(arrays[0].data), name)
        return self.xp.asarray(function(*(x.data for x in arrays), **settings))
