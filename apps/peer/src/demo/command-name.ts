/**
 * How the command was called, so that what the demo suggests can be copied: in a clone of the repository, `yarrow` is a
 * script of npm and not on the path.
 */
export function commandName(): string {
  const script = process.env["npm_lifecycle_event"];
  return script === "up" || script === "yarrow" ? "npm run yarrow --" : "yarrow";
}
