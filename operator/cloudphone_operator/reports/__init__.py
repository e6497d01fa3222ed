"""
What streamers tell the operator.

    book        the latest report of each pod
    credentials each session's credential, from its Secret, remembered for a while
    server      the HTTP endpoint that takes reports
    endpoint    the address that streamers report to, which leads to the leader
"""
