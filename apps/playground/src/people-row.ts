/** The people in a document as a row of initials. A long row ends in how many more there are. */
import { element } from "./element.ts";
import type { Person } from "./people.ts";

const SHOWN_MAX = 5;

export function peopleRow(people: readonly Person[]): HTMLElement[] {
  const row = people.slice(0, SHOWN_MAX).map(({ name, color }) => {
    const initial = element("span", { "aria-hidden": "true" }, name.slice(0, 1));
    const item = element("li", { title: name }, initial, element("span", { class: "visually-hidden" }, name));
    // A colour from another window is only ever used as a value of a property, never as markup.
    item.style.setProperty("--person", color);
    return item;
  });
  const more = people.length - row.length;
  return more > 0 ? [...row, element("li", { class: "more" }, `+${more}`)] : row;
}
