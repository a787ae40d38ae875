"""Small weights that ship with the project, and the scripts that train them."""
