"""What the paper draws: its planes, and the exact policy regions beside them."""
