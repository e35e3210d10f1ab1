"""How work is done, whatever it is: what a run asks for, who does it, and where finished cells are
kept.
"""
