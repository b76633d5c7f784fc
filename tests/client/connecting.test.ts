import { getEventListeners } from "node:events";
import { connect } from "@mofa-state/client";
import { describe, expect, it } from "vitest";

describe("connecting", () => {
  it("where there is no server is unavailable in the end", async () => {
    const call = connect("127.0.0.1:1", { connectTimeoutMs: 50 });

    await expect(call).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is cancelled by its signal", async () => {
    const controller = new AbortController();
    const call = connect("127.0.0.1:1", { signal: controller.signal });

    controller.abort();

    await expect(call).rejects.toMatchObject({ code: "cancelled" });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it.each([
    ["an empty address", "", {}],
    [
      "certificates that are none",
      "127.0.0.1:1",
      { tls: { rootCertificates: "x", privateKey: "y" } },
    ],
    ["a token that no header can have", "127.0.0.1:1", { token: "a\nb" }],
    ["a timeout of nothing", "127.0.0.1:1", { timeoutMs: 0 }],
    ["a timeout beyond timers", "127.0.0.1:1", { connectTimeoutMs: 2 ** 31 }],
  ])("with %s is refused", async (_, address, options) => {
    await expect(connect(address, options)).rejects.toMatchObject({ code: "invalid_argument" });
  });
});
