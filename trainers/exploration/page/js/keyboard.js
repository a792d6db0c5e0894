// Keys that work wherever no text is typed.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const typing = target.matches("select, textarea, input:not([type=range]):not([type=file])");
    if (typing) {
      if (key === "Escape") target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.metaKey) {
      if (key.toLowerCase() !== "z") return;
      actions.undo();
    } else if (event.altKey) return;
    else if (key in ARROWS) {
      if (target.matches("input[type=range], dl")) return;
      const [x, y] = ARROWS[key];
      if (event.shiftKey) actions.pan(x, -y);
      else actions.move(x, y);
    } else if (/^[1-9]$/.test(key)) actions.label(Number(key) - 1);
    else if (key === "0" || key === "Backspace" || key === "Delete") actions.label(-1);
    else {
      const action = {
        u: actions.undo, s: actions.similar, g: actions.goTo, l: actions.lasso, p: actions.panMode,
        r: actions.reset, t: actions.toggleTable, "+": actions.zoomIn, "=": actions.zoomIn,
        "-": actions.zoomOut, "/": actions.find, "?": actions.help, Escape: actions.all,
        Home: actions.first, End: actions.last,
      }[key.length === 1 ? key.toLowerCase() : key];
      if (!action) return;
      action();
    }
    event.preventDefault();
  });
}
