"""Tests through the door that users use: signed HTTP, real MSAL, a real database."""
