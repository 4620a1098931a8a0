// The link definitions of a text that is parsed in parts. Definitions in finished parts are fixed. Definitions in the
// open tail are found anew with each parse. A definition may come after its uses, so the blocks that ask for a label
// are recorded: `[docs][1]` comes first, and `[1]: https://docs.example` later.

export type Reference = { href: string; title: string };
type Found = Reference & { line: number };

export class References {
  /** The value of markdown-it's `env.references`. */
  readonly proxy: object = new Proxy(
    {},
    {
      get: (_target, label: string) => this.#get(label),
      set: (_target, label: string, reference: Reference) => this.#set(label, reference),
    },
  );
  #fixed = new Map<string, Reference>();
  #open = new Map<string, Found>();
  #before = new Map<string, Found>();
  #latest: Found | null = null;
  #asked: Set<string> | null = null;
  #closed = false;
  #isSettled = true;

  #get(label: string): Reference | undefined {
    this.#asked?.add(label);
    return this.#fixed.get(label) ?? this.#open.get(label);
  }

  #set(label: string, { href, title }: Reference): boolean {
    if (this.#closed) return true;
    this.#latest = { href, title, line: 0 };
    this.#open.set(label, this.#latest);
    return true;
  }

  /** Call it before the blocks of the tail are parsed, or parsed again. */
  begin(): void {
    if (this.#isSettled) this.#before = this.#open;
    this.#isSettled = false;
    this.#open = new Map();
  }

  /** Call it when the result of the parse is shown. */
  settle(): void {
    this.#isSettled = true;
  }

  /** Notes that the newest definition ends before `line`. */
  ended(line: number): void {
    if (this.#latest) this.#latest.line = line;
    this.#latest = null;
  }

  /** Forgets the definitions of the tail that end after `line`. */
  cutAfter(line: number): void {
    for (const [label, found] of this.#open) if (found.line > line) this.#open.delete(label);
  }

  /** Fixes the definitions of the tail that end before or at `line`. */
  fix(line: number): void {
    for (const [label, found] of this.#open) {
      if (found.line > line) continue;
      this.#fixed.set(label, found);
      this.#open.delete(label);
      this.#before.delete(label);
    }
  }

  /** The labels whose address this parse changed. */
  changed(): string[] {
    const labels = new Set([...this.#before.keys(), ...this.#open.keys()]);
    return [...labels].filter((label) => this.#before.get(label)?.href !== this.#open.get(label)?.href);
  }

  /** Runs `parse` over text that was parsed before. Its definitions are known already. */
  again<T>(parse: () => T): T {
    this.#closed = true;
    const result = parse();
    this.#closed = false;
    return result;
  }

  /** Runs `parse`. Returns its result and the labels that it asked for. */
  record<T>(parse: () => T): [T, Set<string>] {
    const asked = new Set<string>();
    this.#asked = asked;
    const result = parse();
    this.#asked = null;
    return [result, asked];
  }
}
