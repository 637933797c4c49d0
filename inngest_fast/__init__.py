"""A self-hosted server that speaks the Inngest protocol."""
