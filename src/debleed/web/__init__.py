"""The local page: a server of one person's sessions, and the page that shows them.

Everything that sounds is done by the command line's own calls, in child processes that can be killed; the server keeps
folders, hands out samples, and trusts nobody.
"""
