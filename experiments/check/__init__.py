"""Do learners reach the equilibrium? Who they are, how they are trained, judged and reported."""
