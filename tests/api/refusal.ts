import type { Session, StateError } from "@mofa-state/client";
import { expect } from "vitest";

/** What is expected of the error that refuses a call. */
export type Refusal = Partial<Pick<StateError, "code" | "reason" | "metadata">> & {
  /** The fields that are wrong, all of them and in this order. */
  readonly violations?: readonly { readonly field: string }[];
};

/** The refusal of a request whose only fault is in these fields. */
export function badFields(...fields: string[]): Refusal {
  return {
    code: "invalid_argument",
    reason: "INVALID_ARGUMENT",
    violations: fields.map((field) => ({ field })),
  };
}

/** Expects that a call is refused, and that it changed nothing in the session. */
export async function expectRefusal(
  session: Session,
  call: () => Promise<unknown>,
  refusal: Refusal,
): Promise<void> {
  const before = await session.refresh();

  await expect(call()).rejects.toMatchObject(refusal);

  expect(await session.refresh()).toEqual(before);
}
