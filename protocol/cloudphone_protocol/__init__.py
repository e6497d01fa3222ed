"""
What the operator and the streamer say to each other, and what both say to viewers.

Pure types and rules: no network, no files, no clock. Both images install this package, so that a
change of the contract is a change in one place that the type checker sees on both sides.

    model         base class of every message: frozen, camelCase on the wire
    session       the session document: everything a streamer is told that may change in its life
    environment   what a streamer pod is told once, as environment variables and files
    reports       what a streamer tells the operator
    tickets       short-lived permission to watch or control one session (JWT)
    channel       messages on the data channels between viewer and streamer
    problems      machine codes of the HTTP API's errors
    addresses     an IP address and a port, written together
"""
