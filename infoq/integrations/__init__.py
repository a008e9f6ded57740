"""Adapters to other libraries. Each is imported only by its own name."""
