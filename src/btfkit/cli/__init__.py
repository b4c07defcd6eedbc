"""The command ``btfkit``: `main.main` picks the verb, a module a verb does it.

In: arguments, files, the running kernel. Out: text on stdout, messages on stderr, an exit code (`exits`). A verb's
module is imported when it is called for, and has ``DESCRIPTION``, ``EXAMPLES``, ``add_arguments(parser)`` and
``run(args)``, which returns the exit code or raises.
"""
