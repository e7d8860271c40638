"""What goes wrong between two ends, and what must hold all the same.

A `Proxy` stands between a client and a server, so that one fault is seen by both of them; `Puppet`s are the two
applications, each told step by step what to do with its pipe, on a loop or in a thread.
"""
