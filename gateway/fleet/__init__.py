"""What replicas share through Redis: entries, and what they tell each other."""
