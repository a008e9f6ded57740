"""Input validation: what is refused, and the messages that say where and how to mend it."""
