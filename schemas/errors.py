"""The one exception that a person caused and can mend."""


class InputError(Exception):
    """Say in one line what is wrong, where, and what to do; the command line exits with status 2."""
