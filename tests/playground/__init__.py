"""The bot in a client that nobody here wrote; on demand only (``make playground-test``)."""
