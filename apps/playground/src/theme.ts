/** The choice between light, dark and what the system prefers. `index.html` reads the same key before the first paint. */

const KEY = "yarrow-playground-theme";

export function startTheme(choice: HTMLElement): void {
  const current = stored();
  for (const input of choice.querySelectorAll("input")) {
    input.checked = input.value === current;
    input.addEventListener("change", () => choose(input.value));
  }
}

function choose(theme: string): void {
  const { dataset } = document.documentElement;
  if (theme === "auto") delete dataset["theme"];
  else dataset["theme"] = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // A browser that stores nothing forgets the choice with the page.
  }
}

function stored(): string {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}
