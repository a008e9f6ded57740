"""Embeddings and precisions: what outcomes measure of the parameters, by its structure."""
