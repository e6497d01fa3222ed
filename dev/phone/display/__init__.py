"""What the phone shows: one picture for scrcpy, screenrecord and screencap."""
