"""
A WHEP-like viewer of GStreamer's webrtcbin, for the system's Python: it needs python3-gst-1.0.

    /usr/bin/python3 gstreamer_viewer.py URL SECONDS

Posts its offer to URL, decodes for so long from the first picture on, and prints one line of JSON:
its version, and when each picture was decoded.
"""

import json
import sys
import time
import urllib.request
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

CAPS = (
    "application/x-rtp,media=video,encoding-name=H264,clock-rate=90000,payload=96,"
    "packetization-mode=(string)1,profile-level-id=(string)42e01f"
)
GIVE_UP_S = 25


class Viewer:
    def __init__(self, url: str, seconds: float) -> None:
        self.url = url
        self.seconds = seconds
        self.times_s: list[float] = []
        self.error: str | None = None
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline.new()
        self.peer = Gst.ElementFactory.make("webrtcbin")
        self.peer.set_property("bundle-policy", "max-bundle")
        self.pipeline.add(self.peer)
        self.peer.connect("pad-added", self.on_pad)
        self.peer.connect("on-negotiation-needed", self.on_negotiation_needed)
        self.peer.connect("notify::ice-gathering-state", self.on_gathering)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        transceiver = self.peer.emit("add-transceiver", direction, Gst.Caps.from_string(CAPS))
        transceiver.set_property("do-nack", True)

    def run(self) -> None:
        GLib.timeout_add_seconds(GIVE_UP_S, self.give_up)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        version = ".".join(map(str, Gst.version()[:3]))
        said = {"version": version, "timesS": self.times_s, "error": self.error}
        sys.stdout.write(json.dumps(said) + "\n")

    def on_negotiation_needed(self, peer: Any) -> None:
        peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer))

    def on_offer(self, promise: Any) -> None:
        reply = promise.get_reply()
        # It belongs to the reply, which therefore has to live on.
        self.peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())
        del reply

    def on_gathering(self, peer: Any, _: object) -> None:
        if peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        offer = peer.get_property("local-description").sdp.as_text().encode()
        request = urllib.request.Request(
            self.url, offer, {"Content-Type": "application/sdp"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                text = response.read()
        except OSError as error:
            self.end(str(error))
            return
        _, sdp = GstSdp.SDPMessage.new_from_text(text.decode())
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        peer.emit("set-remote-description", answer, Gst.Promise.new())

    def on_pad(self, _: object, pad: Any) -> None:
        if pad.direction != Gst.PadDirection.SRC:
            return
        chain = "rtph264depay request-keyframe=true ! h264parse ! avdec_h264 ! fakesink name=sink sync=false"
        decoder = Gst.parse_bin_from_description(chain, True)
        decoder.get_by_name("sink").set_property("signal-handoffs", True)
        decoder.get_by_name("sink").connect("handoff", self.on_picture)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def on_picture(self, *_: object) -> None:
        self.times_s.append(time.monotonic())
        if self.times_s[-1] - self.times_s[0] > self.seconds:
            GLib.idle_add(self.loop.quit)

    def on_error(self, _: object, message: Any) -> None:
        self.end(str(message.parse_error()))

    def give_up(self) -> None:
        self.end(f"{len(self.times_s)} pictures in {GIVE_UP_S} s")

    def end(self, error: str) -> None:
        self.error = error
        GLib.idle_add(self.loop.quit)


if __name__ == "__main__":
    Gst.init(None)
    Viewer(sys.argv[1], float(sys.argv[2])).run()
