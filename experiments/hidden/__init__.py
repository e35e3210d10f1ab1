"""What if s is not seen? Questions on users with a belief, and the suite that plays every rule."""
