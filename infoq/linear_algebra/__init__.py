"""Linear algebra that keeps the digits of small matrices."""
