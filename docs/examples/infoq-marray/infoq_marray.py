"""marray for infoq: what masked arrays lack comes from the library that they wrap."""

from infoq.backends import Ops, ops_for


class MArrayOps(Ops):
    """Masked scores are picked last; what a masked entry enters is masked, or has no factor."""

    def top_k(self, x, k):
        inner = ops_for(x.data)
        nan = inner.scalar(float("nan"), x.data)
        _, indices = inner.top_k(inner.xp.where(x.mask, nan, x.data), k)
        return self.xp.take(x, self.xp.asarray(indices), axis=0), self.xp.asarray(indices)

    def cholesky(self, a):
        return self._of_all(a, "cholesky")

    def cholesky_logdet(self, a):
        return self._of_all(a, "cholesky_logdet")

    def _of_all(self, a, name):
        inner = ops_for(a.data)
        if bool(inner.xp.any(a.mask)):
            raise ValueError(f"{name}: there are masked entries")
        return self.xp.asarray(getattr(inner, name)(a.data))

    def solve_triangular(self, a, b, *, lower=True):
        inner = ops_for(a.data)
        x = inner.solve_triangular(a.data, b.data, lower=lower)
        mask = inner.xp.any(b.mask, axis=-2, keepdims=True)  # of a column, if of any entry
        return self.xp.asarray(x, mask=inner.xp.broadcast_to(mask, x.shape))
