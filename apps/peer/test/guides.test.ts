/** Every command of every guide is run, and prints what the page shows. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { followGuide } from "./guide.ts";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
const GUIDES = `${REPOSITORY}docs/guides/`;
const pages = readdirSync(GUIDES).filter((file) => file !== "README.md");

function read(page: string): string {
  return readFileSync(`${GUIDES}${page}`, "utf8");
}

test.each(pages)("[OPS5] %s does what it says", { timeout: 200_000 }, async (page) => {
  expect(await followGuide(read(page))).toEqual([]);
});

test("[OPS5] the way to have the command leads there", async () => {
  const checkout = [
    'npm() { [ "$*" = "run setup" ] || [ "$*" = "run build" ]; }',
    "mkdir -p node_modules/.bin",
    `ln -s "${REPOSITORY}apps" apps`,
  ];
  const isIt = '[ "$(command -v yarrow)" = "$PWD/node_modules/.bin/yarrow" ]';
  const whole = page(checkout.join("\n")) + read("README.md") + page(`${isIt}\nyarrow --version`, "0.1.0");
  expect(await followGuide(whole)).toEqual([]);
});

test("[OPS5] every guide is in the table that helps to choose", () => {
  const overview = read("README.md");
  for (const page of pages) expect(overview).toContain(`](${page})`);
});

function page(commands: string, shown = ""): string {
  return `# A page\n\n\`\`\`sh\n${commands}\n\`\`\`\n\n\`\`\`console\n${shown}\n\`\`\`\n`;
}

test.each([
  ["a command that fails", page("true\nfalse\ntrue"), "line 3: false ended with 1, not 0"],
  ["a command that should have failed", page("true # exit code 1"), "ended with 0, not 1"],
  ["a command that fails in another way", page("sh -c 'exit 3' # exit code 1"), "ended with 3, not 1"],
  ["output that is not there", page("echo one; echo two", "three"), '"three" is not in what was printed:\none\ntwo'],
  ["output in another order", page("echo one; echo two", "two\none"), '"one" is not in'],
  ["a line that only begins so", page("echo one two", "one"), '"one" is not in'],
  ["a quantity in another place", page("echo 4 ms of 5 B", "5 B of 4 ms"), '"5 B of 4 ms" is not in'],
  ["a shell that ends early", page("exit 0\ntrue") + page("true"), "was not reached"],
  ["no commands", "# A page\n\n```js\nfalse\n```\n", "no commands"],
])("[OPS5] a page is wrong that has %s", async (_, markdown, complaint) => {
  expect((await followGuide(markdown)).join("\n")).toContain(complaint);
});

test("[OPS5] what differs from run to run, the widths of columns, and what the page leaves out is not compared", async () => {
  const commands = [
    "echo 'PEER           ADDRESS            LAG'",
    "echo '0123456789ab   127.0.0.1:4321   38 ms'",
    "echo between",
    "echo 'store   112 KiB and more'",
    "sh -c 'exit 3'   # exit code 3",
  ];
  const shown = "PEER ADDRESS LAG\nba9876543210  127.0.0.1:4321  2.5 s\n…\nstore 9 B…";
  expect(await followGuide(page(commands.join("\n"), shown))).toEqual([]);
});
