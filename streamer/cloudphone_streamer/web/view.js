// What the page shows: the state over the picture, the figures, the controls. It decides nothing.

const STATUS = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  "phone-away": "Phone away",
  full: "Session full",
  paused: "Paused",
  refused: "Not available",
  expired: "Link expired",
};

const NOTICE_MS = 3_500;

const byId = (id) => document.getElementById(id);

export class View {
  video = byId("screen");
  typing = byId("typing");
  #noticeTimer = 0;
  #phoneButtons = document.querySelectorAll("[data-key], #rotate, #keyboard");

  constructor() {
    this.video.addEventListener("resize", () => this.#fitPicture());
    for (const toggle of [byId("stats-toggle"), byId("stats-toggle-narrow")]) {
      toggle.addEventListener("click", () => this.#toggleStats());
    }
    byId("more").addEventListener("click", ({ currentTarget }) => {
      const isOpen = byId("controls").classList.toggle("open");
      currentTarget.setAttribute("aria-expanded", String(isOpen));
    });
    const fullscreen = byId("fullscreen");
    fullscreen.hidden = !document.fullscreenEnabled;
    fullscreen.addEventListener("click", () => toggleFullscreen());
    document.addEventListener("fullscreenchange", () => {
      fullscreen.setAttribute("aria-pressed", String(document.fullscreenElement !== null));
    });
  }

  /**
   * Shows a state in words.
   *
   * @param {keyof STATUS} state also `document.body.dataset.state`
   * @param {{title?: string, text?: string, hint?: string, action?: {label: string, run: () => void}}} words
   */
  show(state, { title = STATUS[state], text = "", hint = "", action = null } = {}) {
    document.body.dataset.state = state;
    for (const button of this.#phoneButtons) button.disabled = state !== "live";
    byId("status-text").textContent = STATUS[state];
    byId("cover-title").textContent = title;
    byId("cover-text").textContent = text;
    byId("cover-hint").textContent = hint;
    byId("cover-hint").hidden = !hint;
    const button = byId("cover-action");
    button.hidden = !action;
    button.textContent = action?.label ?? "";
    button.onclick = action?.run ?? null;
  }

  /** Shows one sentence for a moment, over a picture that goes on. */
  notify(text) {
    const notice = byId("notice");
    notice.textContent = text;
    notice.hidden = false;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => { notice.hidden = true; }, NOTICE_MS);
  }

  /** Shows or hides what only people who may control the phone need. */
  allowControl(isAllowed) {
    document.body.classList.toggle("view-only", !isAllowed);
  }

  showFigures(figures) {
    const { roundTripMs, jitterBufferMs, decodeMs, delayMs, framesPerSecond, bitsPerSecond } = figures;
    const { width, height, packetsLost } = figures;
    byId("summary").textContent = [
      delayMs !== undefined && `${milliseconds(delayMs)}`,
      `${Math.round(framesPerSecond)} fps`,
      megabits(bitsPerSecond),
    ].filter(Boolean).join("  ·  ");
    byId("stat-round-trip").textContent = milliseconds(roundTripMs);
    byId("stat-jitter-buffer").textContent = milliseconds(jitterBufferMs);
    byId("stat-decode").textContent = milliseconds(decodeMs);
    byId("stat-delay").textContent = milliseconds(delayMs);
    byId("stat-frame-rate").textContent = `${framesPerSecond.toFixed(1)} fps`;
    byId("stat-bit-rate").textContent = megabits(bitsPerSecond);
    byId("stat-picture").textContent = width ? `${width} × ${height}` : "–";
    byId("stat-lost").textContent = String(packetsLost ?? "–");
  }

  #fitPicture() {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) return;
    // On the root: the dock beside the phone needs it too.
    document.documentElement.style.setProperty("--ratio", String(videoWidth / videoHeight));
  }

  #toggleStats() {
    const stats = byId("stats");
    stats.hidden = !stats.hidden;
    for (const toggle of [byId("stats-toggle"), byId("stats-toggle-narrow")]) {
      toggle.setAttribute("aria-expanded", String(!stats.hidden));
    }
  }
}

async function toggleFullscreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen({ navigationUI: "hide" }).catch(() => {});
}

function milliseconds(value) {
  if (value === undefined) return "–";
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

function megabits(bitsPerSecond) {
  return `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`;
}
