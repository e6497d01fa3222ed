// Keeps one connection up: connects, notices its end, and connects again with growing pauses.

import { WhepConnection, WhepProblem } from "./whep.js";

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
const STABLE_AFTER_MS = 5_000;
const PING_INTERVAL_MS = 1_000;
const SILENCE_LIMIT_MS = 3_000;
const OPEN_TIMEOUT_MS = 12_000;

/** Codes after which another try with the same ticket cannot succeed. */
const FINAL_CODES = new Set([
  "token_missing",
  "token_invalid",
  "token_expired",
  "no_common_codec",
  "unsupported_media_type",
  "sdp_malformed",
]);

/**
 * Events: `connecting`, `stream` (detail: MediaStream), `message` (detail), `roundtrip`
 * (detail: ms), `interrupted` (detail: reason; the connection may come back), `resumed`, `lost`
 * (detail: reason), `refused` (detail: WhepProblem; another try follows),
 * `stopped` (detail: WhepProblem; no try follows until `start`).
 */
export class Link extends EventTarget {
  #url;
  #ticket = "";
  #connection = null;
  #retryTimer = 0;
  #pingTimer = 0;
  #failures = 0;
  #openedAtMs = 0;
  #heardAtMs = 0;

  constructor(url) {
    super();
    this.#url = url;
    // A network that came back, or a page that is looked at again, is worth a try at once.
    addEventListener("online", () => this.#onNetworkChange());
    // Where a browser tells the kind of network; the same event also comes with new estimates.
    let kind = navigator.connection?.type;
    navigator.connection?.addEventListener?.("change", () => {
      if (kind === navigator.connection.type) return;
      kind = navigator.connection.type;
      this.#onNetworkChange();
    });
    document.addEventListener("visibilitychange", () => {
      this.#heardAtMs = performance.now();
      if (!document.hidden) this.retryNow();
    });
    addEventListener("pagehide", () => this.#drop());
    addEventListener("pageshow", ({ persisted }) => persisted && this.start(this.#ticket));
  }

  /** Begins, or begins anew, with this ticket. */
  start(ticket) {
    this.#ticket = ticket;
    this.#failures = 0;
    this.#drop();
    this.#connect();
  }

  /** Ends a pause between two tries. */
  retryNow() {
    if (!this.#retryTimer) return;
    this.#failures = 0;
    this.#connect();
  }

  send(message, options) {
    return this.#connection?.send(message, options) ?? false;
  }

  stats() {
    return this.#connection?.stats() ?? Promise.resolve(new Map());
  }

  #onNetworkChange() {
    if (this.#retryTimer) this.retryNow();
    else if (this.#openedAtMs) this.#connection?.restartIce();
  }

  async #connect() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    const connection = new WhepConnection();
    this.#connection = connection;
    this.#openedAtMs = 0;
    connection.addEventListener("stream", ({ detail }) => this.#emit("stream", detail));
    connection.addEventListener("open", () => this.#onOpen());
    connection.addEventListener("message", ({ detail }) => this.#onMessage(detail));
    connection.addEventListener("interrupted", ({ detail }) => this.#emit("interrupted", detail));
    connection.addEventListener("resumed", () => {
      this.#heardAtMs = performance.now();
      this.#emit("resumed");
    });
    connection.addEventListener("close", ({ detail }) => this.#onClose(connection, detail));
    this.#emit("connecting");
    try {
      await connection.connect(this.#url, this.#ticket);
      // Meanwhile `start` or `pagehide` may have dropped it.
      if (this.#connection === connection) this.#watch(connection);
    } catch (error) {
      if (this.#connection !== connection) return;
      this.#drop();
      if (error instanceof WhepProblem && FINAL_CODES.has(error.code)) {
        this.#emit("stopped", error);
        return;
      }
      if (error instanceof WhepProblem) this.#emit("refused", error);
      else this.#emit("lost", "the streamer does not answer");
      this.#retryLater(error.retryAfterMs ?? 0);
    }
  }

  #onOpen() {
    this.#openedAtMs = performance.now();
    this.#heardAtMs = this.#openedAtMs;
  }

  #onMessage(message) {
    this.#heardAtMs = performance.now();
    if (message.type === "pong") this.#emit("roundtrip", performance.now() - message.sentMs);
    else this.#emit("message", message);
  }

  #onClose(connection, reason) {
    if (this.#connection !== connection) return;
    if (this.#openedAtMs && performance.now() - this.#openedAtMs > STABLE_AFTER_MS) {
      this.#failures = 0;
    }
    this.#drop();
    this.#emit("lost", reason);
    this.#retryLater(0);
  }

  /** Pings, and sees that a connection has gone silent: browsers take half a minute for that. */
  #watch(connection) {
    const begunAtMs = performance.now();
    clearInterval(this.#pingTimer);
    this.#pingTimer = setInterval(() => {
      const nowMs = performance.now();
      if (!this.#openedAtMs) {
        if (nowMs - begunAtMs > OPEN_TIMEOUT_MS) connection.close();
        return;
      }
      if (document.hidden) this.#heardAtMs = nowMs;
      if (nowMs - this.#heardAtMs > SILENCE_LIMIT_MS) connection.interrupt();
      connection.send({ type: "ping", sentMs: nowMs });
    }, PING_INTERVAL_MS);
  }

  #retryLater(atLeastMs) {
    const ceilingMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    const pauseMs = Math.max(atLeastMs, ceilingMs * (0.5 + Math.random() / 2));
    this.#failures += 1;
    this.#retryTimer = setTimeout(() => this.#connect(), pauseMs);
  }

  #drop() {
    clearTimeout(this.#retryTimer);
    clearInterval(this.#pingTimer);
    this.#retryTimer = 0;
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
