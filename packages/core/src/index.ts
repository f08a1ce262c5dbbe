export type * from "./peer-api.ts";
