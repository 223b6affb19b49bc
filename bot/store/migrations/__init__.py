"""Alembic revisions, applied at start; none needs a configuration file."""
