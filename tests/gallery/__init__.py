"""Every card in every situation: as pictures (``make gallery``), and as JSON to compare with (a unit test)."""
