import { argv } from "node:process";
import { createInterface } from "node:readline";
import { runNode } from "./foreground.mjs";
import { setUp } from "./setup.mjs";

setUp();

const args = ["server/bin/mofa-state.js", "serve", ...argv.slice(2)];
const { child, exited } = runNode(args, { stderr: "pipe" });

createInterface({ input: child.stderr }).on("line", (line) => {
  console.error(line);
  const address = /^listening on (\S+)$/.exec(line)?.[1];
  if (address !== undefined) console.log(instructions(address));
});

process.exitCode = await exited;

/** What a newcomer can paste to talk to the server. */
function instructions(address) {
  const target = address.startsWith("unix:")
    ? `--unix-socket ${address.slice("unix:".length)} http://localhost`
    : `http://${address}`;
  return `
Open a session from a shell, here in the repository:

  npx buf curl --protocol grpc --http2-prior-knowledge -d '{"session":{"key":"hello"}}' ${target}/mofa.state.v1.SessionService/OpenSession

From TypeScript or JavaScript:

  import { connect } from "@mofa-state/client";

  const state = await connect("${address}");
  const session = await state.sessions.open({ key: "hello" });
  await session.append({ role: "user", content: "Hello" });
  for await (const message of session.messages()) console.log(message.role, message.content);
  await state.close();

Ctrl-C stops the server.
`;
}
