// Connects to a phone with @yume-chan/scrcpy, does what a user does, and tells what it received.
//
//   node witness.mjs HOST PORT SERVER_FILE forward|reverse STREAM_FILE
//
// Prints one JSON object a line, `event` first; writes all video packets to STREAM_FILE, Annex B.
import { createReadStream, createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { Adb, AdbDaemonTransport } from "@yume-chan/adb";
import { AdbScrcpyClient, AdbScrcpyOptions3_3_3 } from "@yume-chan/adb-scrcpy";
import {
  AndroidMotionEventAction, DefaultServerPath, ScrcpyCodecOptions, ScrcpyInstanceId, ScrcpyPointerId,
} from "@yume-chan/scrcpy";
import { openTcpConnection } from "./tcp_connection.mjs";

const STEP_TIMEOUT_MS = 5000;
const [host, port, serverFile, tunnel, streamFile] = process.argv.slice(2);
const startedMs = performance.now();
const tell = (event, fields = {}) =>
  console.log(JSON.stringify({ event, atMs: performance.now() - startedMs, ...fields }));

function within(promise, what) {
  const timeout = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`no ${what} within ${STEP_TIMEOUT_MS} ms`)), STEP_TIMEOUT_MS).unref();
  });
  return Promise.race([promise, timeout]);
}

const connection = await openTcpConnection(host, Number(port));
const transport = await AdbDaemonTransport.authenticate({
  serial: `${host}:${port}`,
  connection,
  credentialStore: { generateKey: () => { throw new Error("the phone asks for a key"); }, *iterateKeys() {} },
});
const adb = new Adb(transport);
await AdbScrcpyClient.pushServer(adb, Readable.toWeb(createReadStream(serverFile)));
const client = await AdbScrcpyClient.start(
  adb,
  DefaultServerPath,
  new AdbScrcpyOptions3_3_3(
    {
      scid: ScrcpyInstanceId.random(),
      tunnelForward: tunnel === "forward",
      videoBitRate: 4_000_000,
      videoCodecOptions: new ScrcpyCodecOptions({ iFrameInterval: 1 }),
    },
    { version: "3.3.4" },
  ),
);

const video = await client.videoStream;
tell("metadata", video.metadata);
tell("audio", { type: (await client.audioStream).type });

// Every packet goes to the file; steps wait for the next one that they are interested in.
const waiting = new Set();
const output = createWriteStream(streamFile);
const packets = video.stream.pipeTo(new WritableStream({
  write(packet) {
    output.write(packet.data);
    if (packet.type === "configuration") tell("configuration", { width: video.width, height: video.height });
    else if (packet.keyframe) tell("keyframe", { pts: String(packet.pts) });
    for (const waiter of waiting) if (waiter.wants(packet)) { waiting.delete(waiter); waiter.resolve(); }
  },
})).catch(() => {});
const packet = (what, wants) =>
  within(new Promise((resolve) => waiting.add({ wants, resolve })), what);
const frames = (count) => packet(`${count} frames`, () => --count === 0);

const finger = (action, x, y, videoWidth = video.width, videoHeight = video.height) =>
  client.controller.injectTouch({
    action, pointerId: ScrcpyPointerId.Finger, pointerX: x, pointerY: y, videoWidth, videoHeight,
    pressure: 1, actionButton: 0, buttons: 0,
  });

await frames(30);
tell("touch");
await finger(AndroidMotionEventAction.Down, 360, 700);
await frames(30);
await finger(AndroidMotionEventAction.Up, 360, 700);
// Made for a picture that is not there: the phone must ignore it.
await finger(AndroidMotionEventAction.Down, 100, 900, 640, 480);
await frames(15);

await client.controller.injectText("typed ");
const clipboard = client.clipboard.getReader();
await within(
  client.controller.setClipboard({ content: "你好 clipboard", paste: true, sequence: 7n }),
  "clipboard acknowledgement",
);
tell("clipboard acknowledged");
// Another command copies the whole text field: a clipboard that this client did not set.
await adb.subprocess.noneProtocol.spawnWait(["input", "keyevent", "278"]);
tell("clipboard", { text: (await within(clipboard.read(), "clipboard")).value });

const reset = packet("configuration after reset", ({ type }) => type === "configuration");
tell("reset");
await client.controller.resetVideo();
await reset;
await packet("keyframe after reset", ({ keyframe }) => keyframe);

const rotated = packet("configuration after rotation", ({ type }) => type === "configuration");
tell("rotate");
await client.controller.rotateDevice();
await rotated;
await frames(30);

await client.close();
await packets;
await new Promise((resolve) => output.end(resolve));
tell("closed");
connection.close();
process.exit();
