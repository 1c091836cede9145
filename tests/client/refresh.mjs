/**
 * A client whose token ends soon fetches a new one by itself and stays connected beyond the end.
 *
 * node refresh.mjs '{"url": …, "tokens": [ends soon, its successor], "endsAt": milliseconds}'
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";

import { Hubbub, currentSession } from "../../static/client/index.js";

const requireInStatic = createRequire(new URL("../../static/package.json", import.meta.url));
const { io } = requireInStatic("socket.io-client");
const { url, tokens, endsAt } = JSON.parse(process.argv[2]);

let asked = 0;
const refresh = async () => {
  asked++;
  return tokens[1];
};
const session = await currentSession({ url, token: tokens[0], refresh });
const hubbub = new Hubbub({ io, url, session });
hubbub.onProblem((error) => assert.fail(error));
const statuses = [];
hubbub.connection.subscribe(() => statuses.push(hubbub.connection.getSnapshot().status));
hubbub.open();

// The end of the first token has to pass: only then would the server disconnect it.
await new Promise((resolve) => setTimeout(resolve, endsAt + 1000 - Date.now()));
await hubbub.connection.call("session:get");
assert.deepEqual(statuses, ["live"]);
assert.equal(asked, 1);
assert.equal(session.token, tokens[1]);
hubbub.close();
