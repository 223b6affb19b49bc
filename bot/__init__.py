"""The Default-MFA bot: people see and change their default MFA method from Microsoft Teams."""

__version__ = "0.1.0"
