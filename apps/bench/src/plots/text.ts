/** Words in a picture: escaped, and how wide they will be. */

/** Mean width of a character at the 12 px of all labels; a little more than it is, so that nothing is cut. */
const CHARACTER_PX = 6.7;

export function widthOf(text: string): number {
  return text.length * CHARACTER_PX;
}

export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
