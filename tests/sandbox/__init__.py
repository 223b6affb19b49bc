"""What the simulated tenant refuses, as the real services do: by HTTP, and for Entra through real MSAL."""
