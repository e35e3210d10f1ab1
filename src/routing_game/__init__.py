"""Games between an LLM provider that routes tasks and a user who may leave."""

__version__ = "0.1.0"
