"""How things are shown, whatever they are: the dress of pictures, words for numbers, pages."""
