import { describe, expect, it } from "vitest";
import { nameFromPath, nameProblem } from "../src/document-name.ts";

describe("nameFromPath", () => {
  it.each([
    ["/notes", "notes"],
    ["/notes/today", "notes/today"],
    ["/notes%2Ftoday", "notes/today"],
    ["/notes?token=1&x=%41", "notes"],
    ["/caf%C3%A9", "café"],
    ["/a%20b", "a b"],
    ["/%", "%"],
    ["/%zz", "%zz"],
    ["/100%25", "100%"],
    ["/a%zz%41", "a%zz%41"],
    ["/%ff", "%ff"],
    ["/../up", "../up"],
    ["//double", "/double"],
    ["/%01", "\u0001"],
    ["/%00", "\0"],
    ["/", ""],
    ["/?only=query", ""],
  ])("[LNK2] reads %j as %j", (path, name) => {
    expect(nameFromPath(path)).toBe(name);
  });

  it("[LNK2] reads unencoded UTF-8, which Node hands over byte by byte", () => {
    expect(nameFromPath(`/${Buffer.from("café").toString("latin1")}`)).toBe("café");
  });
});

describe("nameProblem", () => {
  it.each([["a"], ["x".repeat(256)], ["é".repeat(128)], ["../.."], ["%"], ["\u0001\u007f"], [" "], ["😀"]])(
    "[LNK3] accepts %j",
    (name) => {
      expect(nameProblem(name)).toBeUndefined();
    },
  );

  it.each([
    ["", /empty/],
    ["a\0b", /NUL/],
    ["x".repeat(257), /256 bytes/],
    ["é".repeat(129), /256 bytes/],
    ["\ud800", /well-formed/],
  ])("[LNK3] refuses %j", (name, problem) => {
    expect(nameProblem(name)).toMatch(problem);
  });
});
