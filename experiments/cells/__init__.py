"""How work is done, whatever it is: what a run asks for, who does it, where cells are kept."""
