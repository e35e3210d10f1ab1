"""The paper's figures around one's own game: planes with that game in the middle."""
