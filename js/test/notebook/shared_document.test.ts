import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CodeCell, NotebookModel } from "../../src/notebook/cells";
import { inTurn, isAlone, trustAsShared } from "../../src/notebook/shared_document";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const edited = (clientID: number, ...others: number[]): NotebookModel => ({
  collaborative: true,
  sharedModel: { awareness: { clientID, getStates: () => new Map([clientID, ...others].map((id) => [id, {}])) } },
});

test("the pages of one document act one after the other, and a page alone at once", () => {
  const acted: string[] = [];
  inTurn(edited(9, 4, 7), () => acted.push("third"));
  inTurn(edited(7, 4, 9), () => acted.push("second"));
  inTurn(edited(4, 7, 9), () => acted.push("first"));
  inTurn({ ...edited(9, 4), collaborative: false }, () => acted.push("alone"));
  inTurn(undefined, () => acted.push("no notebook"));
  expect(acted).toEqual(["first", "alone", "no notebook"]);
  vi.runAllTimers();
  expect(acted.slice(3)).toEqual(["second", "third"]);
});

test("a page is alone with its document while no other person has it open", () => {
  const alone = (...others: object[]) => {
    const states = new Map([{ user: {} }, ...others].map((state, id) => [id, state]));
    return isAlone({ collaborative: true, sharedModel: { awareness: { clientID: 0, getStates: () => states } } });
  };
  expect([alone(), alone({}), alone({}, { user: {} })]).toEqual([true, true, false]);
  expect([{}, { collaborative: true }, undefined].map(isAlone)).toEqual([false, false, false]);
});

function cell(trusted: boolean, shared: unknown) {
  const written: boolean[] = [];
  class Shared {
    updateOutputs(): void {
      written.push(true);
    }
  }
  const sharedModel = new Shared();
  let now = trusted;
  const made: CodeCell = {
    sharedModel,
    getMetadata: () => shared,
    get trusted() {
      return now;
    },
    set trusted(value) {
      now = value;
      sharedModel.updateOutputs(); // as the host does
    },
  };
  return { made, written, sharedModel };
}

test("a cell is trusted where the document says so, and nothing is written into the document", () => {
  for (const [trusted, shared, expected] of [
    [false, true, true],
    [false, false, false],
    [false, undefined, false],
    [false, "true", false],
    [true, false, true],
  ]) {
    const { made, written, sharedModel } = cell(trusted === true, shared);
    trustAsShared(made);
    expect(made.trusted).toBe(expected);
    expect(written).toEqual([]);
    sharedModel.updateOutputs(); // it writes again
    expect(written).toEqual([true]);
  }
});
