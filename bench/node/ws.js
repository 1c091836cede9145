// ws on Node, without a protocol above it: whatever one client says, all clients hear.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";

const { values: options } = parseArgs({ options: { port: { type: "string" } } });
const server = createServer();
const sockets = new WebSocketServer({ server });

sockets.on("connection", (socket) => {
  socket.on("message", (data, binary) => {
    for (const client of sockets.clients) client.send(data, { binary });
  });
});

server.listen({ port: +options.port, host: "127.0.0.1", backlog: 4096 });
