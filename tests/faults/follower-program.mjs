// Follows a session, and writes each message's sequence on a line:
// node follower-program.mjs ADDRESS SESSION
import { argv, stdout } from "node:process";
import { connect } from "@mofa-state/client";

const [, , address, sessionId] = argv;
const state = await connect(address);
const session = await state.sessions.get(sessionId);
for await (const event of session.follow()) {
  if (event.type === "message") stdout.write(`${event.message.sequence}\n`);
}
