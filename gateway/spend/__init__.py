"""Money: what a call costs, what was spent, saved and wasted, and what may still be spent."""
