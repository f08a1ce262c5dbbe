export type * from "./peer-api.ts";
export { YarrowError } from "@yarrow/protocol";
export type { YarrowErrorCode } from "@yarrow/protocol";
