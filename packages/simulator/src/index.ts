export type { HourOptions, HourReport } from "./simulate-hour.ts";
export { simulateHour } from "./simulate-hour.ts";
export { Violation } from "./witness.ts";
