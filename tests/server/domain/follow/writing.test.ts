import { expect, it } from "vitest";
import { Writing } from "../../../../server/src/domain/follow/writing.js";
import type { Message } from "../../../../server/src/domain/model.js";

const MESSAGE: Message = {
  id: "m",
  sessionId: "s",
  sequence: 7,
  role: "assistant",
  content: "",
  parts: [],
  metadata: {},
  raw: undefined,
  pinned: false,
  tokenCount: undefined,
  status: "streaming",
  createdAt: new Date(0),
  updatedAt: new Date(0),
  version: 1,
  revision: 1,
  bytes: 0,
};

const NOTHING = { offset: 0, partCount: 0 };

function shownWriting(content = ""): Writing {
  const writing = new Writing(MESSAGE, "here");
  writing.show({ ...MESSAGE, content });
  return writing;
}

function take(writing: Writing, offset: number, text: string): void {
  writing.take({ messageId: "m", sequence: 7, epoch: 9, offset, text, partIndex: 0, parts: [] });
}

function delta(offset: number, text: string): object {
  return { type: "text", messageId: "m", sequence: 7, offset, text };
}

it("shows what is sent, once", () => {
  const writing = shownWriting();

  take(writing, 0, "é");
  expect(writing.showPending()).toEqual([delta(0, "é")]);
  take(writing, 2, "a");
  take(writing, 3, "b");
  expect(writing.showPending()).toEqual([delta(2, "ab")]);
  expect(writing.showPending()).toEqual([]);
});

it("waits until the followers have the message", () => {
  const writing = new Writing(MESSAGE, "here");
  take(writing, 0, "early");
  expect(writing.showPending()).toEqual([]);

  writing.show(MESSAGE);

  expect(writing.showPending()).toEqual([delta(0, "early")]);
});

it("keeps what is shown until it is durable, for those who come late", () => {
  const writing = shownWriting();
  for (const [offset, text] of ["one", "two", "six"].entries()) take(writing, 3 * offset, text);
  writing.showPending();
  expect(writing.repeatPending()).toEqual([delta(0, "onetwosix")]);

  const isShown = writing.settle({ revision: 2, sequence: 7, offset: 6, partCount: 0 });

  expect(isShown).toBe(true);
  expect(writing.repeatPending()).toEqual([delta(6, "six")]);
});

it("says that something durable was not shown, and shows it", () => {
  const writing = shownWriting();
  take(writing, 3, "two");
  expect(writing.showPending()).toEqual([]);

  expect(writing.settle({ revision: 2, sequence: 7, offset: 3, partCount: 0 })).toBe(false);

  expect(writing.lacksPast(2)).toEqual(NOTHING);
  const tail = { revision: 2, past: NOTHING, text: "one", parts: [] };
  expect(writing.showDurable(tail)).toEqual([delta(0, "one")]);
  expect(writing.lacksPast(2)).toBeUndefined();
  expect(writing.showPending()).toEqual([delta(3, "two")]);
});

it("shows of what was read only what was not shown while it was read", () => {
  const writing = shownWriting();
  take(writing, 0, "é");
  writing.showPending();

  const tail = { revision: 2, past: NOTHING, text: "éa", parts: [] };
  expect(writing.showDurable(tail)).toEqual([delta(2, "a")]);
  expect(writing.showDurable(tail)).toEqual([]);
  const later = { ...tail, past: { offset: 5, partCount: 0 } };
  expect(writing.showDurable(later)).toEqual([]);
});

it("cuts no character in two that takes the place of what was shown", () => {
  const writing = shownWriting();
  take(writing, 0, "abc");
  writing.showPending();

  const tail = { revision: 2, past: NOTHING, text: "ééé", parts: [] };
  expect(writing.showDurable(tail)).toEqual([]);
  expect(writing.lacksPast(2)).toEqual({ offset: 3, partCount: 0 });
});

it("forgets what was not durable when a writer begins anew, or one elsewhere", () => {
  const anew = shownWriting();
  take(anew, 0, "lost");
  anew.showPending();
  anew.begin(5);
  take(anew, 0, "something new");
  expect(anew.showPending()).toEqual([]);
  anew.show({ ...MESSAGE, revision: 4 });
  expect(anew.showPending()).toEqual([]);
  anew.show({ ...MESSAGE, revision: 5 });
  expect(anew.showPending()).toEqual([delta(0, "something new")]);

  const elsewhere = shownWriting();
  take(elsewhere, 0, "lost");
  elsewhere.overtake(5);
  take(elsewhere, 4, "ghost");
  elsewhere.show({ ...MESSAGE, revision: 5 });
  expect(elsewhere.showPending()).toEqual([]);
});
