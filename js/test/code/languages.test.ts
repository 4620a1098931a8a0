import { expect, test } from "vitest";
import { type Kind, type Language, languageOf, scanLine } from "../../src/code/languages";

const MARKS: Record<Kind, string> = { keyword: "k", string: "s", number: "n", comment: "c", name: "d" };

/** The code with its tokens marked, like `k(def)`. Each line begins in the state in which the line before ended. */
function marked(name: string, code: string): string {
  const language = languageOf(name) as Language;
  let state = "";
  return code
    .split("\n")
    .map((line) => {
      let out = "";
      let at = 0;
      state = scanLine(language, line, state, (kind, from, to) => {
        out += `${line.slice(at, from)}${MARKS[kind]}(${line.slice(from, to)})`;
        at = to;
      });
      return out + line.slice(at);
    })
    .join("\n");
}

test.each([
  ["python", "def f(x): return x + 1_000", "k(def) d(f)(x): k(return) x + n(1_000)"],
  ["python", "class A(B): pass  # why", "k(class) d(A)(B): k(pass)  c(# why)"],
  ["python", "@app.get('/x') ; rb'\\'' + x1 + 0xFF", "d(@app.get)(s('/x')) ; s(rb'\\'') + x1 + n(0xFF)"],
  ["py", 'x = """a # b\n"c" \\"""\nd""" # e', 'x = s("""a # b)\ns("c" \\""")\ns(d""") c(# e)'],
  ["python", "s = 'open\nif x:", "s = s('open)\nk(if) x:"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the code to colour
  ["js", "const f = `a ${b}\nc` // d", "k(const) f = s(`a ${b})\ns(c`) c(// d)"],
  ["ts", "/* a\nb */ function go(): number", "c(/* a)\nc(b */) k(function) d(go)(): k(number)"],
  ["javascript", "a / b / c - 'it\\'s' - 1.5e-3", "a / b / c - s('it\\'s') - n(1.5e-3)"],
  ["json", '{"a": "b", "c" : [1, true, null]}', '{d("a"): s("b"), d("c") : [n(1), k(true), k(null)]}'],
  [
    "bash",
    'for f in $HOME/a; do echo "$f" # all\ndone',
    'k(for) f k(in) d($HOME)/a; k(do) k(echo) s("$f") c(# all)\nk(done)',
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
  ["sh", "echo ${A:-b} a#b it's", "k(echo) d(${A:-b}) a#b its('s)"],
  [
    "sql",
    "SELECT 'it''s' FROM t -- x\n/* y\n*/ where a = 1",
    "k(SELECT) s('it')s('s') k(FROM) t c(-- x)\nc(/* y)\nc(*/) k(where) a = n(1)",
  ],
])("%s: %s", (name, code, expected) => {
  expect(marked(name, code)).toBe(expected);
});

test("other languages stay plain", () => {
  for (const name of ["", "haskell", "constructor", "__proto__"]) expect(languageOf(name)).toBeUndefined();
});

const HOSTILE = [
  '"',
  "'",
  '\\"',
  '"""',
  "'''",
  "`",
  "/*",
  "*/",
  "${",
  "$",
  "#",
  "--",
  "0x",
  "1e",
  "1_",
  "@a.",
  "\\",
  " ",
  '"a" ',
  "rb",
  "\u00e9",
  "def ",
];

test("a line takes time linear in its length, whatever is in it", () => {
  const spent = (language: Language, line: string, times: number): number => {
    const start = performance.now();
    for (let i = 0; i < times; i += 1) scanLine(language, line, "", () => {});
    return performance.now() - start;
  };
  for (const name of ["python", "js", "json", "sh", "sql"]) {
    const language = languageOf(name) as Language;
    for (const piece of HOSTILE) {
      const line = piece.repeat(Math.ceil(4000 / piece.length));
      const long = line.repeat(16);
      // One line of sixteen parts against sixteen lines. It takes the same time, or sixteen times as much if it were
      // quadratic. The best of a few rounds counts, because others use this machine too.
      let best = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 6 && best > 2; round += 1) {
        best = Math.min(best, spent(language, long, 1) / Math.max(spent(language, line, 16), 0.3));
      }
      expect(best, `${name} ${JSON.stringify(piece)}`).toBeLessThan(4);
    }
  }
});
