// Writes a message word by word, without an end, and says how far it is durable:
// node writer-program.mjs ADDRESS SESSION MESSAGE
import { argv, stdout } from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@mofa-state/client";

const [, , address, sessionId, id] = argv;
const state = await connect(address);
const session = await state.sessions.get(sessionId);
const writer = session.write({ id, role: "assistant" });

let told = 0;
for (let number = 0; ; number++) {
  await writer.write(`wörd ${number} 🦔 `);
  await pause(1);
  if (writer.acknowledged > told) {
    told = writer.acknowledged;
    stdout.write(`${told}\n`);
  }
}
