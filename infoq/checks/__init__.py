"""Input validation: checks of arguments, with errors that say where and how to fix them."""
