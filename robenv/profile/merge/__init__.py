"""Several levels into one: normal forms, the rule of each key, variables."""

__all__ = ["dotenv", "merge", "normalize", "rules", "variables"]
