"""Mutation testing of the measures, the predictives and the quantities: `nox -s mutation`."""
