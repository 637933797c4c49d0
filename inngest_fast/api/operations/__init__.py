"""What the REST surfaces offer, as one table: routes and their input, OpenAPI, `inngest-fast api` and the MCP
tools all follow it. Plain data, light to import.
"""
