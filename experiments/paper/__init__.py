"""What the paper draws, at numbers of our choice, beside what the paper says about it."""
