"""Many recordings: which they are, what will be done to each, the work itself, and the tables of what was done."""
