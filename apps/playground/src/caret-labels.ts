/**
 * Keeps the names at remote carets readable: where carets stand close together their names are put side by side, and a
 * name near the right edge moves back inside. Without this, names lie on top of each other, because y-codemirror.next
 * places each by its own caret alone.
 */
import { ViewPlugin, type EditorView, type ViewUpdate } from "@codemirror/view";

/** In pixels from the left edge of the text. */
export interface Label {
  readonly caret: number;
  readonly width: number;
}

const GAP = 2;

/**
 * Where the labels of one line begin: each at its caret or after the label before it, and none beyond `width` while
 * there is room. `labels` are in the order of their carets.
 */
export function placeLabels(labels: readonly Label[], width: number): readonly number[] {
  const lefts: number[] = [];
  let free = 0;
  for (const label of labels) {
    const left = Math.max(label.caret, free);
    lefts.push(left);
    free = left + label.width + GAP;
  }
  let end = width;
  for (const [index, label] of [...labels.entries()].toReversed()) {
    lefts[index] = Math.max(0, Math.min(lefts[index]!, end - label.width));
    end = lefts[index] - GAP;
  }
  return lefts;
}

export const caretLabels = ViewPlugin.fromClass(
  class {
    update({ view }: ViewUpdate): void {
      view.requestMeasure({ key: this, read: readShifts, write: writeShifts });
    }
  },
);

interface Mark extends Label {
  readonly element: HTMLElement;
  readonly top: number;
}

function readShifts(view: EditorView): ReadonlyMap<HTMLElement, number> {
  const box = view.contentDOM.getBoundingClientRect();
  const { paddingLeft, paddingRight } = getComputedStyle(view.contentDOM);
  const start = box.left + Number.parseFloat(paddingLeft);
  const width = box.right - Number.parseFloat(paddingRight) - start;
  const lines = new Map<number, Mark[]>();
  for (const element of view.contentDOM.querySelectorAll<HTMLElement>(".cm-ySelectionInfo")) {
    const caret = element.parentElement!.getBoundingClientRect();
    const mark = { element, caret: caret.left - start, top: Math.round(caret.top), width: element.offsetWidth };
    lines.set(mark.top, [...(lines.get(mark.top) ?? []), mark]);
  }
  const shifts = new Map<HTMLElement, number>();
  for (const marks of lines.values()) {
    const ordered = marks.toSorted((a, b) => a.caret - b.caret);
    const lefts = placeLabels(ordered, width);
    for (const [index, { element, caret }] of ordered.entries()) shifts.set(element, lefts[index]! - caret);
  }
  return shifts;
}

function writeShifts(shifts: ReadonlyMap<HTMLElement, number>): void {
  for (const [element, shift] of shifts) element.style.translate = `${shift}px`;
}
