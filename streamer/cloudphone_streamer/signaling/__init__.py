"""
HTTP: how viewers come, and what the operator and its probes ask.

    problems     errors as JSON with a machine code, whatever raised them
    bearer       tokens of the Authorization header
    whep         WHEP: an offer in, an answer out (draft-ietf-wish-whep)
    ice_servers  STUN and TURN for viewers, as Link headers
    page         the viewer page's files
    public       the application that viewers reach
    internal     the application for probes, Prometheus and the operator
"""
