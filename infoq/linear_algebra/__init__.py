"""Linear algebra that keeps full relative accuracy for small matrices."""
