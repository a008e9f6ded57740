"""Prediction space: what K posterior draws predict about the outcomes of candidates."""
