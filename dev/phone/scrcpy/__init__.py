"""The simulated scrcpy server 3.3.4: same options, same sockets, same bytes."""
