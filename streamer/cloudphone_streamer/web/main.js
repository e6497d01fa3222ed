// Puts the page together: what the link and the streamer say becomes what people see.
//
// The ticket is in the fragment of the address, `#ticket=...`, which browsers never send: so it
// is in no log.

import { attachKeyButtons } from "./controls.js";
import { Pointers } from "./input.js";
import { Keyboard } from "./keys.js";
import { Link } from "./link.js";
import { Figures } from "./stats.js";
import { View } from "./view.js";
import { WhepProblem } from "./whep.js";

const view = new View();
const link = new Link(new URL("whep", document.baseURI));

/** What is known of the stream; `show` derives the page's state from it. */
const known = { isConnected: false, hasPicture: false, mayPlay: true, state: null, mayControl: true };

const send = (message, options) => known.mayControl && link.send(message, options);
const pointers = new Pointers(view.video, send);
const keyboard = new Keyboard(view.typing, send);

function show() {
  const { isConnected, hasPicture, mayPlay, state } = known;
  if (!isConnected) return;
  if (state && state.state !== "streaming" && state.state !== "closing") {
    const isStarting = state.reason === "Starting";
    // What failed for long, or needs a person, comes back too, but nobody knows when.
    const when = state.state === "failed" ? "as soon as that is mended" : "by itself";
    view.show("phone-away", {
      title: isStarting ? "The phone is starting" : "The phone is away",
      text: `${sentence(state.message)} The picture comes back ${when}.`,
    });
  } else if (!mayPlay) {
    view.show("paused", { text: "This browser waits for a tap.", action: { label: "Play", run: play } });
  } else if (hasPicture) {
    view.show("live");
  } else {
    view.show("connecting", { text: "Waiting for the first picture." });
  }
}

async function play() {
  try {
    await view.video.play();
    known.mayPlay = true;
  } catch (error) {
    // A newer stream interrupts an older play(): that is no refusal.
    if (error.name === "NotAllowedError") known.mayPlay = false;
  }
  show();
}

link.addEventListener("connecting", () => {
  if (document.body.dataset.state === "connecting") view.show("connecting");
});

link.addEventListener("stream", ({ detail: stream }) => {
  Object.assign(known, { isConnected: true, hasPicture: false, state: null });
  view.video.srcObject = stream;
  const onFirstFrame = () => {
    if (view.video.srcObject !== stream) return;
    known.hasPicture = true;
    show();
  };
  if (view.video.requestVideoFrameCallback) view.video.requestVideoFrameCallback(onFirstFrame);
  else view.video.addEventListener("loadeddata", onFirstFrame, { once: true });
  show();
  play();
});

link.addEventListener("message", ({ detail: message }) => {
  if (message.type === "state") {
    if (known.mayControl !== message.mayControl) {
      view.allowControl(message.mayControl);
      if (known.state) view.notify(message.mayControl ? "You control the phone" : "View only");
    }
    known.mayControl = message.mayControl;
    known.state = message;
    show();
  } else if (message.type === "refusal") {
    view.notify(sentence(message.message));
  }
});

link.addEventListener("interrupted", ({ detail: reason }) => {
  pointers.release();
  known.isConnected = false;
  view.show("reconnecting", { text: sentence(reason) });
});

link.addEventListener("resumed", () => {
  known.isConnected = true;
  show();
});

link.addEventListener("lost", ({ detail: reason }) => {
  const isFirst = document.body.dataset.state === "connecting";
  pointers.release();
  known.isConnected = false;
  view.show(isFirst ? "connecting" : "reconnecting", { text: sentence(reason) });
});

link.addEventListener("refused", ({ detail: problem }) => {
  known.isConnected = false;
  if (problem.code === "viewer_limit_reached") {
    view.show("full", {
      text: "As many people watch this phone as may. The picture comes by itself when one leaves.",
    });
  } else {
    view.show(problem.code === "not_streaming" ? "phone-away" : "reconnecting", {
      text: `${sentence(problem.message)} Trying again by itself.`,
    });
  }
});

link.addEventListener("stopped", ({ detail: problem }) => {
  known.isConnected = false;
  if (problem.code.startsWith("token_")) {
    showTicketProblem(problem);
  } else {
    view.show("refused", {
      title: problem.code === "no_common_codec" ? "This browser lacks H.264" : "Not available",
      text: sentence(problem.message),
      action: { label: "Try again", run: start },
    });
  }
});

function showTicketProblem({ code }) {
  const hint = "cloudphone-operator ticket NAMESPACE/NAME";
  const again = "Open the phone again from where you got this link. A new ticket also comes from:";
  if (!ticketInAddress()) {
    view.show("refused", {
      title: "A ticket is needed",
      text: "Open the phone from where it is offered to you, or add #ticket=… to this address. A ticket comes from:",
      hint,
    });
  } else if (code === "token_expired") {
    view.show("expired", {
      title: "This link has expired",
      text: `Tickets live for a short time, so that a lost link does no harm. ${again}`,
      hint,
    });
  } else {
    view.show("refused", {
      title: "This link does not fit",
      text: `The ticket in this address does not open this phone. ${again}`,
      hint,
    });
  }
}

function ticketInAddress() {
  return new URLSearchParams(location.hash.slice(1)).get("ticket") ?? "";
}

function start() {
  if (!window.RTCPeerConnection) {
    view.show("refused", { title: "This browser lacks WebRTC", text: "Open the phone in another browser." });
    return;
  }
  view.show("connecting");
  const ticket = ticketInAddress();
  if (ticket) link.start(ticket);
  else showTicketProblem(new WhepProblem({ code: "token_missing", message: "", status: 0 }));
}

function sentence(text) {
  const trimmed = text.trim();
  if (!trimmed) return "";
  const begun = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

// With a mouse the keyboard follows the click; on a touch screen only the button opens it.
view.video.addEventListener("pointerup", ({ pointerType }) => {
  if (pointerType === "mouse") view.typing.focus({ preventScroll: true });
});
// Neither a touch on the picture nor one on the button takes the focus, and the keyboard, away.
view.video.addEventListener("mousedown", (event) => event.preventDefault());
document.getElementById("keyboard").addEventListener("pointerdown", (event) => event.preventDefault());
document.getElementById("keyboard").addEventListener("click", () => {
  if (document.activeElement === view.typing) view.typing.blur();
  else view.typing.focus({ preventScroll: true });
});
for (const event of ["focus", "blur"]) {
  view.typing.addEventListener(event, () => {
    document.getElementById("keyboard").setAttribute("aria-pressed", String(event === "focus"));
  });
}
document.getElementById("rotate").addEventListener("click", () => send({ type: "rotate" }));
attachKeyButtons(document.getElementById("controls"), send);
new Figures(view.video, link, (figures) => view.showFigures(figures));
addEventListener("hashchange", start);
addEventListener("blur", () => keyboard.release());
start();
