"""The steps of a build: what each takes, gives and is made by. flows/stages.py has them in order."""
