/**
 * What can be done with the content of a document, and nothing else of the engine: the entry `@yarrow/replica/content`, for
 * threads that work on content alone. Loading the whole engine would take them longer than most of their jobs.
 */
export { contentDigest } from "./document/content-digest.ts";
export { doWork } from "./document/do-work.ts";
export type { RootKind, RootValue } from "./document/read-roots.ts";
export { readRoots } from "./document/read-roots.ts";
export type { ReadableContent } from "./document/readable-document.ts";
export { ReadableDocument } from "./document/readable-document.ts";
