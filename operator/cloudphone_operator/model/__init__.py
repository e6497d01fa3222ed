"""
What the operator knows, as frozen values. No I/O, no raw API objects.

    session     what the user wants: a StreamSession's spec, and the status we last wrote
    status      conditions and the rest of the status
    cluster     what is there: pods, nodes, the session's children, a streamer's report
    device      the phone that was found for a session
    observed    all of it at one moment, for one session
    decision    what to do about it
    notes       what people are told by Events
    policy      the operator's own options
"""
