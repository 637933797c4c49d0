"""Traces as trees of spans, made of what a run left (http-api §6.5)."""
