// One WebRTC connection to a streamer by WHEP (draft-ietf-wish-whep), from offer to end.
// It knows no page and never reconnects: `link.js` does.

const OFFER_TIMEOUT_MS = 5_000;
/** Without a path for so long, ICE servers are asked for one. */
const HELP_AFTER_MS = 1_000;
const RESTART_TIMEOUT_MS = 3_000;
const RESTART_PAUSE_MS = 500;
/** The streamer lets go of a viewer that has been silent for 15 s. */
const INTERRUPTED_LIMIT_MS = 15_000;
const RESTART_TYPE = "application/trickle-ice-sdpfrag";

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
 * `message` (detail: parsed message of the streamer), `interrupted` (detail: reason),
 * `resumed`, `close` (detail: reason; once).
 */
export class WhepConnection extends EventTarget {
  #peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
  #control = this.#peer.createDataChannel("control", { ordered: true });
  // A lost move must not hold up what follows: SCTP would repeat it after a second.
  #moves = this.#peer.createDataChannel("moves", { ordered: false, maxRetransmits: 0 });
  #resourceUrl = null;
  #interruptedTimer = 0;
  #helpTimer = 0;
  #restarting = false;
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
      this.#resume();
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
    // The streamer learns our address from our own checks, so there is no need to wait for
    // candidates, and most viewers need no help of the servers that its answer names.
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
    const iceServers = iceServersOf(response.headers.get("Link") ?? "");
    if (iceServers.length) {
      // They count from the next gathering of candidates, which a restart begins.
      this.#peer.setConfiguration({ ...this.#peer.getConfiguration(), iceServers });
      this.#helpTimer = setTimeout(() => this.restartIce(), HELP_AFTER_MS);
    }
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
  }

  /**
   * Looks for other paths to the streamer, as after a change of network. Everything else stays:
   * the capture, the data channels, and the right to be here, which needs no new ticket.
   */
  async restartIce() {
    if (this.#restarting || this.#closed || !this.#resourceUrl) return;
    this.#restarting = true;
    const giveUpAtMs = performance.now() + INTERRUPTED_LIMIT_MS;
    while (!this.#closed && !(await this.#tryRestart())) {
      if (performance.now() > giveUpAtMs) this.#end("the network connection is lost");
      await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
    }
    this.#restarting = false;
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

  /** Says that nothing is heard, and does something about it; ends the connection if in vain. */
  interrupt() {
    if (this.#interruptedTimer || this.#closed) return;
    this.#interruptedTimer = setTimeout(
      () => this.#end("the network connection is lost"),
      INTERRUPTED_LIMIT_MS,
    );
    this.#emit("interrupted", "the network connection is interrupted");
    this.restartIce();
  }

  #resume() {
    if (!this.#interruptedTimer) return;
    clearTimeout(this.#interruptedTimer);
    this.#interruptedTimer = 0;
    this.#emit("resumed");
  }

  #onConnectionState() {
    const state = this.#peer.connectionState;
    if (state === "connected") {
      clearTimeout(this.#helpTimer);
      this.#resume();
    }
    if (state === "closed") this.#end("the network connection is lost");
    if (state === "disconnected" || state === "failed") this.interrupt();
  }

  /** Returns whether there is nothing left to try: it is done, or the connection is over. */
  async #tryRestart() {
    try {
      // A new offer at each try: of one whose answer was lost, the credentials are never known.
      const offer = await this.#peer.createOffer({ iceRestart: true });
      await this.#peer.setLocalDescription(offer);
      const response = await fetch(this.#resourceUrl, {
        method: "PATCH",
        headers: { "Content-Type": RESTART_TYPE, "If-Match": "*" },
        body: fragmentOf(offer.sdp),
        cache: "no-store",
        referrerPolicy: "no-referrer",
        signal: AbortSignal.timeout(RESTART_TIMEOUT_MS),
      });
      if (response.status !== 200) {
        this.#end("the streamer no longer knows this connection");
        return true;
      }
      const sdp = withFragment(this.#peer.remoteDescription.sdp, await response.text());
      await this.#peer.setRemoteDescription({ type: "answer", sdp });
      return true;
    } catch {
      // No network yet, or the connection was closed meanwhile.
      return this.#closed;
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
    clearTimeout(this.#interruptedTimer);
    clearTimeout(this.#helpTimer);
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

/** Our credentials as a trickle ICE fragment (RFC 8840 - 9). */
export function fragmentOf(sdp) {
  const lines = sdp.split("\r\n");
  const first = (prefix) => lines.find((line) => line.startsWith(prefix));
  return ["a=group:BUNDLE", "m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:"]
    .map(first)
    .filter(Boolean)
    .map((line) => `${line}\r\n`)
    .join("");
}

/** The answer with the credentials and candidates of a fragment. */
export function withFragment(sdp, fragment) {
  const lines = fragment.split(/\r?\n/);
  const valueOf = (prefix) => lines.find((line) => line.startsWith(prefix));
  const candidates = lines.filter((line) => line.startsWith("a=candidate:"));
  const ofCandidates = /^a=(candidate:|end-of-candidates)/;
  let isFirst = true;
  return sdp
    .split("\r\n")
    .filter((line) => !ofCandidates.test(line))
    .flatMap((line) => {
      if (line.startsWith("a=ice-ufrag:")) return [valueOf("a=ice-ufrag:")];
      if (!line.startsWith("a=ice-pwd:")) return [line];
      const added = isFirst ? [...candidates, "a=end-of-candidates"] : [];
      isFirst = false;
      return [valueOf("a=ice-pwd:"), ...added];
    })
    .join("\r\n");
}

/** The servers that Link headers name (draft-ietf-wish-whep - 4.6). */
export function iceServersOf(links) {
  const servers = [];
  for (const [, urls, rest] of links.matchAll(/<([^>]*)>((?:\s*;\s*[\w-]+="(?:[^"\\]|\\.)*")*)/g)) {
    const parameters = Object.fromEntries(
      [...rest.matchAll(/([\w-]+)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [
        name,
        value.replace(/\\(.)/g, "$1"),
      ]),
    );
    if (parameters.rel !== "ice-server") continue;
    const { username, credential } = parameters;
    servers.push(username === undefined ? { urls } : { urls, username, credential });
  }
  return servers;
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
