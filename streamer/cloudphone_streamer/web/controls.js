// The buttons beside the picture.

/** Back, Home, volume, power and so on: held as long as the button is, so that long presses work. */
export function attachKeyButtons(root, send) {
  for (const button of root.querySelectorAll("[data-key]")) {
    const keyCode = Number(button.dataset.key);
    let isDown = false;
    const press = (action) => {
      isDown = action === "down";
      button.classList.toggle("pressed", isDown);
      send({ type: "key", action, keyCode });
    };
    const letGo = () => isDown && press("up");
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      press("down");
    });
    button.addEventListener("pointerup", letGo);
    button.addEventListener("pointercancel", letGo);
    button.addEventListener("lostpointercapture", letGo);
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", ({ detail }) => {
      // Without a pointer, from a keyboard or a screen reader.
      if (detail !== 0) return;
      press("down");
      press("up");
    });
  }
}
