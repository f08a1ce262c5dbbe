import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses, so that the built page can be served from any path.
  base: "./",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    // CodeMirror, Yjs and the provider in one bundle are about 500 kB before compression, and are all needed at once.
    chunkSizeWarningLimit: 800,
  },
});
