/** Changes one module's text while it is loaded. Nothing on the disk is touched, and every other module is the production code. */
import { registerHooks } from "node:module";
import type { PlantedBug } from "./bug.ts";

/** From now on, in this thread. Returns a function that says whether the module was loaded; the load throws when the text is not there. */
export function plant({ name, file, from, to }: PlantedBug): () => boolean {
  let planted = false;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(`/packages/${file}`)) return loaded;
      const { source } = loaded;
      const text = typeof source === "string" ? source : new TextDecoder().decode(source ?? new Uint8Array());
      const parts = text.split(from);
      if (parts.length !== 2)
        throw new Error(`${name} cannot be planted: ${file} holds its line ${parts.length - 1} times`);
      planted = true;
      return { ...loaded, source: parts.join(to) };
    },
  });
  return () => planted;
}
