"""
H.264 as bytes: NAL units, parameter sets, access units.

Pure: bytes in, values out. References are to ITU-T H.264 (08/2021).

    nal          where NAL units begin and end
    bits         syntax elements of headers
    sps          profile and size of the picture
    assembler    packets of an encoder in, access units out
    access_unit  what comes out
"""
