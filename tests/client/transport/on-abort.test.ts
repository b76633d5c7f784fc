import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { joinSignals, onAbort } from "../../../client/src/transport/on-abort.js";

describe("what is called on abort", () => {
  it("is called once, and all of it by one listener that is gone then", () => {
    const controller = new AbortController();
    const { signal } = controller;
    let calls = 0;
    const count = () => {
      calls += 1;
    };
    for (let each = 0; each < 20; each += 1) onAbort(signal, count);
    const listeners = getEventListeners(signal, "abort").length;

    controller.abort();

    expect(listeners).toBe(1);
    expect(calls).toBe(20);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("is called at once where the signal is aborted already", () => {
    let calls = 0;
    const count = () => {
      calls += 1;
    };

    onAbort(AbortSignal.abort(), count)();

    expect(calls).toBe(1);
  });

  it("is not called once it is taken back, and the others are", () => {
    const controller = new AbortController();
    const { signal } = controller;
    const called: string[] = [];
    const [first] = ["first", "second"].map((name) => onAbort(signal, () => called.push(name)));

    first?.();
    first?.();
    controller.abort();

    expect(called).toEqual(["second"]);
  });

  it("listens again after all of it was taken back", () => {
    const controller = new AbortController();
    const { signal } = controller;
    const called: string[] = [];
    const release = onAbort(signal, () => called.push("first"));
    release();
    const listeners = getEventListeners(signal, "abort");

    onAbort(signal, () => called.push("second"));
    release();
    controller.abort();

    expect(listeners).toEqual([]);
    expect(called).toEqual(["second"]);
  });
});

describe("a joined signal", () => {
  it("is aborted with any of its sources, for its reason, also where it is too late", () => {
    const controller = new AbortController();
    const open = new AbortController().signal;
    const { signal } = joinSignals(open, undefined, controller.signal);

    controller.abort("enough");

    expect(signal).toMatchObject({ aborted: true, reason: "enough" });
    expect(joinSignals(open, controller.signal).signal.reason).toBe("enough");
  });

  it("lets go of its sources when it is released", () => {
    const first = new AbortController();
    const second = new AbortController();
    const { signal, release } = joinSignals(first.signal, second.signal);

    release();
    first.abort();

    expect(signal.aborted).toBe(false);
    expect(getEventListeners(second.signal, "abort")).toEqual([]);
  });
});
