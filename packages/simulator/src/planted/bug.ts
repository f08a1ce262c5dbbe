/** A bug to be planted: a small change of production code that breaks a promise, and the checkers that must find it. */
export interface PlantedBug {
  readonly name: string;
  /** What the change breaks, for the table. */
  readonly breaks: string;
  /** Below `packages`. */
  readonly file: string;
  /** Text that stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
  /** Whoever of these finds it has found it; "assert": the engine itself stops. */
  readonly checkers: readonly string[];
  /** Simulated minutes of one run; 20 when undefined. */
  readonly minutes?: number;
  /** All runs have the faults of severe hours. */
  readonly severe?: true;
}
