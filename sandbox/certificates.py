"""The sandbox's own certificate authority: MSAL insists on https for the login address."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


def server_tls(directory: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS for localhost and 127.0.0.1, and the PEM file in ``directory`` with which clients trust it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    ca_file = directory / "sandbox-ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return context, ca_file
