"""The local page: a server of one person's sessions, and the page that shows them.

All audio work is done by the calls of the command line, in child processes that can be killed. The server manages
folders and returns samples, and it validates every request.
"""
