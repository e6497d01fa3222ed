"""
H.264 as bytes: NAL units, parameter sets, access units.

Pure: bytes in, values out. References are to ITU-T H.264 (08/2021).
"""
