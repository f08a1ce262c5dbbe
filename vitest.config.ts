import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests run on the sources; only tests that start processes need a build.
  resolve: { conditions: ["yarrow-src"] },
  ssr: { resolve: { conditions: ["yarrow-src"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
    testTimeout: 30_000,
    // The default leaves one of two processors idle.
    maxWorkers: 2,
    // A lone or retried test is a check that is silently absent.
    allowOnly: false,
    retry: 0,
  },
});
