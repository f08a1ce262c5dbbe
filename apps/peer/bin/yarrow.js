#!/usr/bin/env node
// Nothing is imported before the version is known to fit: the store's native code crashes an older Node instead of
// refusing it. The syntax here is old on purpose, so that an older Node can still read the message.
var found = process.versions.node;
var parts = found.split(".").map(Number);
if (parts[0] > 22 || (parts[0] === 22 && parts[1] >= 14)) {
  // Until it is known how the command ended, it has failed: Node also leaves when nothing is left that it could wait for.
  process.exitCode = 1;
  import("../dist/main.js")
    .then(function (main) {
      return main.runCommandLine(process.argv.slice(2));
    })
    .then(
      function (exitCode) {
        process.exitCode = exitCode;
      },
      function (error) {
        var missing = error && error.code === "ERR_MODULE_NOT_FOUND" && String(error.message).indexOf("dist") !== -1;
        process.stderr.write(
          missing
            ? "yarrow: the command is not built; run `npm run build` first\n"
            : "yarrow: unexpected error: " + ((error && error.stack) || error) + "\n",
        );
        process.exitCode = 1;
      },
    );
} else {
  process.stderr.write(
    "yarrow: YARROW_NODE_UNSUPPORTED needs Node 22.14.0 or newer, and this is Node " +
      found +
      "\n  hint: Install a current Node from https://nodejs.org, or run it with `npx -p node@24 yarrow`.\n",
  );
  process.exitCode = 1;
}
