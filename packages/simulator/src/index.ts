export type { HourOptions, HourReport } from "./simulate-hour.ts";
export { simulateHour } from "./simulate-hour.ts";
export type { HourOutcome, HoursOptions } from "./run-hours.ts";
export { runHours } from "./run-hours.ts";
export type { Counters } from "./counters.ts";
export { addCounters, createCounters, shortfalls, shortfallsOfRun } from "./counters.ts";
export { Violation } from "./witness.ts";
