// Watches the phone's picture inside the viewer page: the clock strip, dots, frame times.
//
// Evaluated by tests and benchmarks in the page (never shipped). Returns a probe:
//   probe.samples       one entry a presented frame, see `sample` below
//   probe.watch(x, y)   from now on, sample the colour at a point of the picture
//   probe.stop()
(() => {
  const CELL_PX = 16;
  const CELLS = 44;
  const video = document.querySelector("video");
  const strip = new OffscreenCanvas(CELLS * CELL_PX, CELL_PX).getContext("2d", { willReadFrequently: true });
  const spot = new OffscreenCanvas(8, 8).getContext("2d", { willReadFrequently: true });

  // White, black, 32 bits of milliseconds, 8 bits of checksum, black, white.
  // Returns Unix milliseconds modulo 2^32, or null where the strip does not read.
  const readStrip = () => {
    const { width, height } = strip.canvas;
    strip.drawImage(video, 0, 0, width, height, 0, 0, width, height);
    const row = strip.getImageData(0, CELL_PX / 2, width, 1).data;
    const bits = Array.from({ length: CELLS }, (_, cell) => row[4 * (cell * CELL_PX + CELL_PX / 2) + 1] > 127);
    if (!bits[0] || bits[1] || bits[42] || !bits[43]) return null;
    const bytes = [0, 1, 2, 3, 4].map((index) =>
      bits.slice(2 + 8 * index, 10 + 8 * index).reduce((value, bit) => 2 * value + Number(bit), 0),
    );
    const sum = (bytes[0] + bytes[1] + bytes[2] + bytes[3]) % 256;
    if (sum !== bytes[4]) return null;
    return ((bytes[0] * 256 + bytes[1]) * 256 + bytes[2]) * 256 + bytes[3];
  };

  // Mean red, green and blue of the 8 x 8 pixels around a point.
  const readSpot = (x, y) => {
    spot.drawImage(video, x - 4, y - 4, 8, 8, 0, 0, 8, 8);
    const { data } = spot.getImageData(0, 0, 8, 8);
    const mean = [0, 0, 0];
    for (let index = 0; index < data.length; index += 4) {
      for (const channel of [0, 1, 2]) mean[channel] += data[index + channel] / 64;
    }
    return mean;
  };

  const probe = { samples: [], spot: null, stopped: false };
  probe.watch = (x, y) => { probe.spot = x === undefined ? null : { x, y }; };
  probe.stop = () => { probe.stopped = true; };

  const sample = (now, metadata) => {
    if (probe.stopped) return;
    video.requestVideoFrameCallback(sample);
    const origin = performance.timeOrigin;
    probe.samples.push({
      callbackMs: origin + performance.now(),
      expectedDisplayMs: origin + metadata.expectedDisplayTime,
      presentedFrames: metadata.presentedFrames,
      width: metadata.width,
      height: metadata.height,
      drawnMs: readStrip(),
      spot: probe.spot && readSpot(probe.spot.x, probe.spot.y),
    });
  };
  video.requestVideoFrameCallback(sample);
  return probe;
})()
