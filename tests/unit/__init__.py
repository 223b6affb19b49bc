"""The fast, pure tests: no network, no disk but a temporary folder, no real clock."""
