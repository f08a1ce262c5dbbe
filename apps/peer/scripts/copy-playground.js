// Before packing: the published command carries the built playground inside, because the page is no package of its own.
import { cpSync, existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const from = fileURLToPath(new URL("../../playground/dist", import.meta.url));
const to = fileURLToPath(new URL("../dist/playground", import.meta.url));
if (!existsSync(from)) {
  console.error("the playground is not built; run `npm run build` first");
  process.exit(1);
}
rmSync(to, { recursive: true, force: true });
cpSync(from, to, { recursive: true });
