"""Embeddings of candidates and precisions of parameters, one file per structure."""
