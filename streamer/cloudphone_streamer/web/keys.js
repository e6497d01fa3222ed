// The computer's or phone's keyboard becomes Android keys and text.
//
// Letters, digits and the keys that move, edit and control go as key events, so that games and
// shortcuts work; everything else that the keyboard can write goes as text, also what an input
// method composes.

const META_SHIFT = 0x41;
const META_ALT = 0x12;
const META_CTRL = 0x3000;
const META_CAPS_LOCK = 0x10_0000;

const KEYCODE_0 = 7;
const KEYCODE_A = 29;
const KEYCODE_SPACE = 62;
const KEYCODE_ENTER = 66;
const KEYCODE_DEL = 67;
const KEYCODE_F1 = 131;

/** `KeyboardEvent.code` -> android.view.KeyEvent; Escape is Back, as on every remote control. */
const BY_CODE = new Map(Object.entries({
  Escape: 4, ArrowUp: 19, ArrowDown: 20, ArrowLeft: 21, ArrowRight: 22, AltLeft: 57, AltRight: 58,
  ShiftLeft: 59, ShiftRight: 60, Tab: 61, Enter: KEYCODE_ENTER, NumpadEnter: 160, Backspace: KEYCODE_DEL,
  ContextMenu: 82, PageUp: 92, PageDown: 93, Delete: 112, ControlLeft: 113, ControlRight: 114,
  CapsLock: 115, Home: 122, End: 123, Insert: 124, MediaPlayPause: 85, MediaStop: 86,
  MediaTrackNext: 87, MediaTrackPrevious: 88, AudioVolumeUp: 24, AudioVolumeDown: 25,
  ...Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`F${i + 1}`, KEYCODE_F1 + i])),
}));

/** What the browser's users would miss: reload, developer tools, full screen. */
const LEFT_TO_BROWSER = new Set(["F5", "F11", "F12"]);
const CTRL_LEFT_TO_BROWSER = new Set(["v", "r", "t", "w", "n", "l", "+", "-", "0"]);

/** The Android key for a key event, or null if what it writes is to go as text. */
export function keyCodeOf({ code, key, altKey, ctrlKey, shiftKey }) {
  if (BY_CODE.has(code)) return BY_CODE.get(code);
  // AltGr writes characters of its own, and browsers report it as Ctrl and Alt.
  if (altKey && ctrlKey) return null;
  if (/^[a-z]$/i.test(key)) return KEYCODE_A + key.toLowerCase().charCodeAt(0) - 97;
  // With Shift, as a French keyboard writes digits, Android would make it the sign above the digit.
  if (/^[0-9]$/.test(key) && !shiftKey) return KEYCODE_0 + Number(key);
  return key === " " ? KEYCODE_SPACE : null;
}

/** The modifiers of a key event as android.view.KeyEvent's meta state. */
export function metaStateOf(event) {
  return (event.shiftKey ? META_SHIFT : 0)
    | (event.altKey ? META_ALT : 0)
    | (event.ctrlKey ? META_CTRL : 0)
    | (event.getModifierState?.("CapsLock") ? META_CAPS_LOCK : 0);
}

/** Whether the browser, and not the phone, should have this key. */
export function isForBrowser({ code, key, ctrlKey, metaKey, shiftKey }) {
  if (metaKey || LEFT_TO_BROWSER.has(code)) return true;
  // Shift+Tab leaves the phone, or people without a mouse could never.
  if (code === "Tab" && shiftKey) return true;
  return ctrlKey && (shiftKey || CTRL_LEFT_TO_BROWSER.has(key.toLowerCase()));
}

/** Something to delete: on-screen keyboards report Backspace only in a field that is not empty. */
const FILLER = "  ";

export class Keyboard {
  #field;
  #send;
  /** code -> keyCode of the keys that are down. */
  #down = new Map();

  /**
   * @param {HTMLTextAreaElement} field takes the focus, and with it input methods
   * @param {(message: object) => boolean} send
   */
  constructor(field, send) {
    this.#field = field;
    this.#send = send;
    field.addEventListener("keydown", (event) => this.#onKeyDown(event));
    field.addEventListener("keyup", (event) => this.#onKeyUp(event));
    field.addEventListener("beforeinput", (event) => this.#onBeforeInput(event));
    field.addEventListener("compositionend", ({ data }) => {
      this.#text(data);
      this.#refill();
    });
    field.addEventListener("input", ({ isComposing }) => isComposing || this.#refill());
    field.addEventListener("paste", (event) => {
      event.preventDefault();
      this.#text(event.clipboardData.getData("text/plain"));
    });
    field.addEventListener("focus", () => this.#refill());
    field.addEventListener("blur", () => this.release());
  }

  /** Lets all keys go. */
  release() {
    for (const keyCode of this.#down.values()) this.#send({ type: "key", action: "up", keyCode });
    this.#down.clear();
  }

  #onKeyDown(event) {
    // 229: an input method has the key.
    if (event.isComposing || event.keyCode === 229 || isForBrowser(event)) return;
    const keyCode = keyCodeOf(event);
    if (keyCode === null) return;
    event.preventDefault();
    this.#down.set(event.code, keyCode);
    this.#send({
      type: "key", action: "down", keyCode,
      metaState: metaStateOf(event), repeat: event.repeat ? 1 : 0,
    });
  }

  #onKeyUp(event) {
    const keyCode = this.#down.get(event.code);
    if (keyCode === undefined) return;
    event.preventDefault();
    this.#down.delete(event.code);
    this.#send({ type: "key", action: "up", keyCode, metaState: metaStateOf(event) });
  }

  #onBeforeInput(event) {
    if (event.isComposing) return;
    switch (event.inputType) {
      case "insertText":
      case "insertReplacementText":
        event.preventDefault();
        this.#text(event.data ?? event.dataTransfer?.getData("text/plain"));
        break;
      case "insertLineBreak":
      case "insertParagraph":
        event.preventDefault();
        this.#press(KEYCODE_ENTER);
        break;
      case "deleteContentBackward":
      case "deleteWordBackward":
        event.preventDefault();
        this.#press(KEYCODE_DEL);
        break;
    }
  }

  #text(text) {
    // The longest text that the streamer takes at once, without a torn surrogate pair.
    const characters = Array.from(text ?? "");
    for (let start = 0; start < characters.length; start += 5000) {
      this.#send({ type: "text", text: characters.slice(start, start + 5000).join("") });
    }
  }

  #press(keyCode) {
    this.#send({ type: "key", action: "down", keyCode });
    this.#send({ type: "key", action: "up", keyCode });
  }

  #refill() {
    this.#field.value = FILLER;
    this.#field.setSelectionRange(FILLER.length, FILLER.length);
  }
}
