// One WebRTC connection to a streamer by WHEP (draft-ietf-wish-whep), from offer to end.
// It knows no page and never reconnects: `link.js` does.

const OFFER_TIMEOUT_MS = 5_000;
const DISCONNECTED_GRACE_MS = 2_500;

/** The streamer refused the offer: `code` for machines, `message` for people. */
export class WhepProblem extends Error {
  constructor({ code, message, status, retryAfterMs = 0 }) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Events: `stream` (detail: MediaStream), `open` (the control channel takes messages),
 * `message` (detail: parsed message of the streamer), `close` (detail: reason; once).
 */
export class WhepConnection extends EventTarget {
  #peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
  #control = this.#peer.createDataChannel("control", { ordered: true });
  // A lost move must not hold up what follows: SCTP would repeat it after a second.
  #moves = this.#peer.createDataChannel("moves", { ordered: false, maxRetransmits: 0 });
  #resourceUrl = null;
  #graceTimer = 0;
  #closed = false;

  constructor() {
    super();
    this.#peer.addEventListener("track", ({ receiver, track }) => {
      playWithoutDelay(receiver);
      this.#emit("stream", new MediaStream([track]));
    });
    this.#peer.addEventListener("connectionstatechange", () => this.#onConnectionState());
    this.#control.addEventListener("open", () => this.#emit("open"));
    this.#control.addEventListener("close", () => {
      // The streamer knows that this connection is over: there is nothing left to delete.
      this.#resourceUrl = null;
      this.#end("the streamer closed the connection");
    });
    this.#control.addEventListener("message", ({ data }) => {
      try {
        this.#emit("message", JSON.parse(data));
      } catch {
        // A message from a newer streamer that is no JSON means nothing to this page.
      }
    });
  }

  /** Offers at `url` with `ticket`; throws `WhepProblem`, or `TypeError` if nobody answers. */
  async connect(url, ticket) {
    const transceiver = this.#peer.addTransceiver("video", { direction: "recvonly" });
    preferH264(transceiver);
    await this.#peer.setLocalDescription();
    // The streamer is ICE-lite: it learns our address from our own checks, so there is no need
    // to wait for candidates.
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${ticket}` },
      body: this.#peer.localDescription.sdp,
      cache: "no-store",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(OFFER_TIMEOUT_MS),
    });
    if (response.status !== 201) throw await problemOf(response);
    const location = response.headers.get("Location");
    if (location) this.#resourceUrl = new URL(location, response.url);
    const sdp = await response.text();
    if (this.#closed) {
      this.#deleteResource();
      return;
    }
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
  }

  /** Sends one message; lossy ones may be lost rather than late. Returns whether it went out. */
  send(message, { lossy = false } = {}) {
    const channel = lossy && this.#moves.readyState === "open" ? this.#moves : this.#control;
    if (channel.readyState !== "open") return false;
    channel.send(JSON.stringify(message));
    return true;
  }

  stats() {
    return this.#peer.getStats();
  }

  /** Ends the connection and says so to the streamer. */
  close() {
    this.#deleteResource();
    this.#end("closed by this page");
  }

  #onConnectionState() {
    const state = this.#peer.connectionState;
    clearTimeout(this.#graceTimer);
    if (state === "failed" || state === "closed") this.#end("the network connection is lost");
    if (state === "disconnected") {
      this.#graceTimer = setTimeout(
        () => this.#end("the network connection is lost"),
        DISCONNECTED_GRACE_MS,
      );
    }
  }

  #deleteResource() {
    if (!this.#resourceUrl) return;
    const url = this.#resourceUrl;
    this.#resourceUrl = null;
    fetch(url, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  #end(reason) {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#graceTimer);
    this.#peer.close();
    this.#emit("close", reason);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

function preferH264(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.("video")?.codecs;
  if (!codecs || !transceiver.setCodecPreferences) return;
  const rank = ({ mimeType, sdpFmtpLine = "" }) => {
    if (mimeType.toLowerCase() !== "video/h264") return 3;
    if (!sdpFmtpLine.includes("packetization-mode=1")) return 2;
    return sdpFmtpLine.includes("profile-level-id=42e0") ? 0 : 1;
  };
  transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a) - rank(b)));
}

function playWithoutDelay(receiver) {
  if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
  else if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = 0;
}

async function problemOf(response) {
  const retryAfterMs = Number(response.headers.get("Retry-After") ?? 0) * 1000 || 0;
  const fallback = { error: "unknown", message: `The server answered ${response.status}.` };
  const { error, message } = await response.json().catch(() => fallback);
  return new WhepProblem({ code: error, message, status: response.status, retryAfterMs });
}
