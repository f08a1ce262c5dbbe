import { defineConfig } from "vitest/config";

/** Hours of simulated clusters, which take all processors by themselves. */
const HOURS = "packages/simulator/test/hours.test.ts";

export default defineConfig({
  // Tests run on the sources; only tests that start processes need a build.
  resolve: { conditions: ["yarrow-src"] },
  ssr: { resolve: { conditions: ["yarrow-src"] } },
  test: {
    testTimeout: 30_000,
    // The default leaves one of two processors idle.
    maxWorkers: 2,
    // A lone or retried test is a check that is silently absent.
    allowOnly: false,
    retry: 0,
    // The hours run first and alone: beside other tests they would take half as long again, and so would those.
    projects: [
      { extends: true, test: { name: "hours", include: [HOURS], sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: {
          name: "packages",
          include: ["packages/*/test/**/*.test.ts"],
          exclude: [HOURS],
          // They share their modules: loading the engine anew for each file took a third of all their processor time.
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "apps",
          include: ["apps/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
