/**
 * Finds text on a page that is hard to read. Runs inside the page, and therefore names nothing outside of itself.
 */

/**
 * The texts whose contrast to what lies behind them is below 4.5 (WCAG 2.2, 1.4.3), each as `RATIO TEXT`. Leaves out
 * what is hidden or disabled, and text in pictures.
 */
export function lowContrast(): string[] {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (canvas === null) throw new Error("no canvas to mix colours on");

  /** Relative luminance of colours laid over each other, the lowest first. */
  const luminance = (colors: readonly string[]): number => {
    for (const color of ["#fff", ...colors]) {
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [red = 0, green = 0, blue = 0] = [...canvas.getImageData(0, 0, 1, 1).data].map((byte) => {
      const part = byte / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };

  const found: string[] = [];
  for (const one of document.body.querySelectorAll<HTMLElement>("*")) {
    const text = [...one.childNodes]
      .filter((child) => child.nodeType === Node.TEXT_NODE)
      .map((child) => child.textContent);
    // Word joiners hold the bar of a remote caret open.
    const words = text.join("").replaceAll("\u2060", "").trim();
    if (words === "" || !one.checkVisibility() || one.closest("svg, script, .visually-hidden, :disabled")) continue;
    const behind: string[] = [];
    for (let at: Element | null = one; at !== null; at = at.parentElement) {
      behind.unshift(getComputedStyle(at).backgroundColor);
    }
    const [dark = 0, bright = 0] = [luminance(behind), luminance([...behind, getComputedStyle(one).color])].toSorted(
      (a, b) => a - b,
    );
    const ratio = (bright + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${words}`);
  }
  return found;
}

/** How bright the page is behind everything on it, from 0 to 1. */
export function pageBrightness(): number {
  const canvas = document.createElement("canvas").getContext("2d");
  if (canvas === null) throw new Error("no canvas to take a colour from");
  canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
  canvas.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
  return (red + green + blue) / (3 * 255);
}
