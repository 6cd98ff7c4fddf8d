"""Near-duplicates: inputs of summaries that are as good as the same."""
