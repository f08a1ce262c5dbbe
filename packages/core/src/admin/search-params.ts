/** Reads the parameters of a request's URL. Every refusal says which one and why. */
import { Refusal } from "./reply.ts";

/** Throws a {@link Refusal} when there are parameters that are not named. */
export function assertKnown(search: URLSearchParams, names: readonly string[]): void {
  for (const name of search.keys()) {
    if (!names.includes(name)) throw new Refusal(400, `unknown parameter ${name}; there are ${names.join(", ")}`);
    if (search.getAll(name).length > 1) throw new Refusal(400, `${name} is given more than once`);
  }
}

export function wholeParam(search: URLSearchParams, name: string, min: number, max: number): number | undefined {
  const text = search.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (/^[0-9]{1,15}$/.test(text) && value >= min && value <= max) return value;
  throw new Refusal(400, `${name} must be a whole number from ${min} to ${max}, not "${text}"`);
}

export function choiceParam<T extends string>(
  search: URLSearchParams,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = search.get(name);
  if (text === null) return undefined;
  const choice = choices.find((each) => each === text);
  if (choice !== undefined) return choice;
  throw new Refusal(400, `${name} must be one of ${choices.join(", ")}, not "${text}"`);
}
