// Where the picture is inside its element, and how points of the page map onto its pixels. Pure.

/** The part of `box` that a `width` x `height` picture covers with `object-fit: contain`. */
export function fitted(box, width, height) {
  const scale = Math.min(box.width / width, box.height / height);
  return {
    left: box.left + (box.width - width * scale) / 2,
    top: box.top + (box.height - height * scale) / 2,
    scale,
  };
}

/** The picture's pixel under a point of the page, held inside the picture. */
export function toPixel(box, width, height, clientX, clientY) {
  const { left, top, scale } = fitted(box, width, height);
  return {
    x: clamp(Math.floor((clientX - left) / scale), width),
    y: clamp(Math.floor((clientY - top) / scale), height),
  };
}

/** Whether a point of the page is on the picture and not on a bar beside it. */
export function isInside(box, width, height, clientX, clientY) {
  const { left, top, scale } = fitted(box, width, height);
  const x = (clientX - left) / scale;
  const y = (clientY - top) / scale;
  return x >= 0 && y >= 0 && x < width && y < height;
}

function clamp(value, size) {
  return Math.max(0, Math.min(size - 1, value));
}
