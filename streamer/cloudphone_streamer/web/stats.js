// Figures of the stream, once a second: what the browser counts, and the frames it presents.

const INTERVAL_MS = 1_000;

export class Figures {
  #link;
  #onFigures;
  #roundTripsMs = [];
  #presentedFrames = 0;
  #before = null;

  /**
   * @param {HTMLVideoElement} video shows the stream
   * @param {Link} link the connection
   * @param {(figures: object) => void} onFigures takes the figures; absent ones are undefined
   */
  constructor(video, link, onFigures) {
    this.#link = link;
    this.#onFigures = onFigures;
    link.addEventListener("roundtrip", ({ detail }) => {
      this.#roundTripsMs = [...this.#roundTripsMs, detail].slice(-5);
    });
    link.addEventListener("lost", () => {
      this.#before = null;
      this.#roundTripsMs = [];
    });
    const count = (_now, { presentedFrames }) => {
      this.#presentedFrames = presentedFrames;
      video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback?.(count);
    setInterval(() => document.hidden || this.#take(), INTERVAL_MS);
  }

  async #take() {
    const reports = [...(await this.#link.stats()).values()];
    const video = reports.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
    if (!video) return;
    const now = {
      atMs: video.timestamp,
      frames: this.#presentedFrames,
      bytes: video.bytesReceived,
      bufferedS: video.jitterBufferDelay,
      emitted: video.jitterBufferEmittedCount,
      decodingS: video.totalDecodeTime,
      decoded: video.framesDecoded,
    };
    const before = this.#before;
    this.#before = now;
    if (!before || now.atMs <= before.atMs || now.frames < before.frames) return;
    const seconds = (now.atMs - before.atMs) / 1000;
    const roundTripMs = median(this.#roundTripsMs);
    const jitterBufferMs = perEvent(now.bufferedS - before.bufferedS, now.emitted - before.emitted);
    const decodeMs = perEvent(now.decodingS - before.decodingS, now.decoded - before.decoded);
    const parts = [roundTripMs && roundTripMs / 2, jitterBufferMs, decodeMs];
    this.#onFigures({
      roundTripMs,
      jitterBufferMs,
      decodeMs,
      delayMs: parts.includes(undefined) ? undefined : parts.reduce((sum, part) => sum + part),
      framesPerSecond: (now.frames - before.frames) / seconds,
      bitsPerSecond: ((now.bytes - before.bytes) * 8) / seconds,
      width: video.frameWidth,
      height: video.frameHeight,
      packetsLost: video.packetsLost,
    });
  }
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function perEvent(seconds, events) {
  return events > 0 ? (seconds * 1000) / events : undefined;
}
