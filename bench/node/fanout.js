// Socket.IO on Node: whatever one client says, everyone in the room hears. With --redis-url, on all servers.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import jwt from "jsonwebtoken";
import { Server } from "socket.io";

const { values: options } = parseArgs({
  options: { port: { type: "string" }, secret: { type: "string" }, "redis-url": { type: "string" } },
});

async function makeAdapter(url) {
  const { createAdapter } = await import("@socket.io/redis-adapter");
  const { createClient } = await import("redis");
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  return createAdapter(publisher, subscriber);
}

const server = createServer();
const settings = { serveClient: false };
if (options["redis-url"]) settings.adapter = await makeAdapter(options["redis-url"]);
const io = new Server(server, settings);

io.use((socket, next) => {
  try {
    socket.data.claims = jwt.verify(socket.handshake.auth.token, options.secret, { algorithms: ["HS256"] });
    next();
  } catch {
    next(new Error("unauthenticated"));
  }
});

io.on("connection", (socket) => {
  if (socket.data.claims.sub !== "bystander") socket.join("everyone");
  socket.on("say", (data) => io.to("everyone").emit("said", data));
});

server.listen({ port: +options.port, host: "127.0.0.1", backlog: 4096 });
