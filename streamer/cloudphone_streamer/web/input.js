// Fingers, mouse and wheel on the picture become messages in the picture's own pixels.

import { isInside, toPixel } from "./picture.js";

const KEYCODE_HOME = 3;
const KEYCODE_BACK = 4;
const MIDDLE_BUTTON = 1;
const RIGHT_BUTTON = 2;
const PIXELS_PER_NOTCH = 100;
const LINES_PER_NOTCH = 3;
const MAX_NOTCHES = 16;

export class Pointers {
  #video;
  #send;
  /** Browser pointer id -> { number, x, y, pressure }; numbers are the lowest that are free. */
  #fingers = new Map();
  #moved = new Set();
  #wheel = null;
  #frame = 0;

  /**
   * @param {HTMLVideoElement} video shows the picture
   * @param {(message: object, options?: {lossy: boolean}) => boolean} send
   */
  constructor(video, send) {
    this.#video = video;
    this.#send = send;
    video.addEventListener("pointerdown", (event) => this.#onDown(event));
    video.addEventListener("pointermove", (event) => this.#onMove(event));
    video.addEventListener("pointerup", (event) => this.#onEnd(event, "up"));
    video.addEventListener("pointercancel", (event) => this.#onEnd(event, "cancel"));
    video.addEventListener("lostpointercapture", (event) => this.#onEnd(event, "cancel"));
    video.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    video.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("blur", () => this.release());
  }

  /** Lets all fingers go. */
  release() {
    for (const [id, finger] of this.#fingers) {
      this.#fingers.delete(id);
      this.#touch("cancel", finger);
    }
    this.#moved.clear();
  }

  #onDown(event) {
    if (!this.#video.videoWidth || !this.#isOnPicture(event)) return;
    if (event.pointerType === "mouse" && event.button !== 0) {
      event.preventDefault();
      if (event.button === RIGHT_BUTTON) this.#press(KEYCODE_BACK);
      if (event.button === MIDDLE_BUTTON) this.#press(KEYCODE_HOME);
      return;
    }
    this.#video.setPointerCapture(event.pointerId);
    const finger = { number: this.#freeNumber(), ...this.#at(event) };
    this.#fingers.set(event.pointerId, finger);
    this.#touch("down", finger);
  }

  #onMove(event) {
    const finger = this.#fingers.get(event.pointerId);
    if (!finger) return;
    const at = this.#at(event);
    if (at.x === finger.x && at.y === finger.y) return;
    Object.assign(finger, at);
    this.#moved.add(finger);
    this.#schedule();
  }

  #onEnd(event, action) {
    const finger = this.#fingers.get(event.pointerId);
    if (!finger) return;
    this.#fingers.delete(event.pointerId);
    this.#moved.delete(finger);
    if (action === "up") Object.assign(finger, this.#at(event));
    this.#touch(action, finger);
  }

  #onWheel(event) {
    if (!this.#video.videoWidth || !this.#isOnPicture(event)) return;
    event.preventDefault();
    if (event.ctrlKey) return;
    const perNotch = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? PIXELS_PER_NOTCH : LINES_PER_NOTCH;
    this.#wheel ??= { horizontal: 0, vertical: 0 };
    this.#wheel.horizontal += event.deltaX / perNotch;
    this.#wheel.vertical -= event.deltaY / perNotch;
    Object.assign(this.#wheel, this.#pixelOf(event));
    this.#schedule();
  }

  /** One message a finger and picture, however often the browser reports. */
  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      for (const finger of this.#moved) this.#touch("move", finger);
      this.#moved.clear();
      if (this.#wheel) {
        const { x, y, horizontal, vertical } = this.#wheel;
        this.#wheel = null;
        const limit = (notches) => Math.max(-MAX_NOTCHES, Math.min(MAX_NOTCHES, notches));
        this.#send({
          type: "scroll", x, y, ...this.#size(),
          horizontal: limit(horizontal), vertical: limit(vertical),
        });
      }
    });
  }

  #touch(action, { number, x, y, pressure }) {
    const message = { type: "touch", action, pointer: number, x, y, ...this.#size(), pressure };
    this.#send(message, { lossy: action === "move" });
  }

  #press(keyCode) {
    this.#send({ type: "key", action: "down", keyCode });
    this.#send({ type: "key", action: "up", keyCode });
  }

  #at(event) {
    // A mouse says 0.5, a finger without a sensor 0; Android wants 1 for a plain touch.
    const pressure = event.pointerType === "pen" && event.pressure > 0 ? event.pressure : 1;
    return { ...this.#pixelOf(event), pressure };
  }

  #pixelOf({ clientX, clientY }) {
    const { width, height } = this.#size();
    return toPixel(this.#video.getBoundingClientRect(), width, height, clientX, clientY);
  }

  #isOnPicture({ clientX, clientY }) {
    const { width, height } = this.#size();
    return isInside(this.#video.getBoundingClientRect(), width, height, clientX, clientY);
  }

  #size() {
    return { width: this.#video.videoWidth, height: this.#video.videoHeight };
  }

  #freeNumber() {
    const used = new Set([...this.#fingers.values()].map(({ number }) => number));
    let number = 0;
    while (used.has(number)) number += 1;
    return number;
  }
}
