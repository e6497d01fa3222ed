"""
Where pictures come from: one phone, captured once, whoever watches.

    source       the seam: `Capture`, `CaptureSink`
    factory      which capture a session document asks for
    scrcpy       a phone, by the scrcpy server over ADB
    testpattern  a built-in moving picture
"""
