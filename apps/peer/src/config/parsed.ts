/** What a parser of text answers: the value, or what is wrong with the text in words for the one who wrote it. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };
