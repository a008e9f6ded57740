"""Prediction space: predictions of K posterior draws for the outcomes of candidates."""
