// The chat server of baseline_stock.py on Node: Socket.IO, one commit a message, better-sqlite3 or pg.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import jwt from "jsonwebtoken";
import { Server } from "socket.io";

const { values: options } = parseArgs({
  options: {
    port: { type: "string" },
    "database-url": { type: "string" },
    rooms: { type: "string" },
    secret: { type: "string" },
  },
});

async function openSqlite(path, rooms) {
  const { default: Database } = await import("better-sqlite3");
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec(`
    CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE members (room_id INTEGER NOT NULL REFERENCES rooms, user_id TEXT NOT NULL, PRIMARY KEY (room_id, user_id));
    CREATE TABLE messages (id INTEGER PRIMARY KEY, room_id INTEGER NOT NULL REFERENCES rooms, user_id TEXT NOT NULL,
                           message TEXT NOT NULL, created_at TEXT NOT NULL);
    CREATE INDEX messages_by_room ON messages (room_id, id);
  `);
  const addRoom = database.prepare("INSERT INTO rooms (name) VALUES (?)");
  for (let number = 1; number <= rooms; number++) addRoom.run(`room ${number}`);
  const join = database.prepare("INSERT INTO members VALUES (?, ?) ON CONFLICT DO NOTHING");
  const member = database.prepare("SELECT 1 FROM members WHERE room_id = ? AND user_id = ?");
  const insert = database.prepare("INSERT INTO messages (room_id, user_id, message, created_at) VALUES (?, ?, ?, ?)");
  return {
    join: async (roomId, userId) => join.run(roomId, userId),
    isMember: async (roomId, userId) => member.get(roomId, userId) !== undefined,
    insert: async (roomId, userId, message, createdAt) =>
      insert.run(roomId, userId, message, createdAt).lastInsertRowid,
  };
}

async function openPostgres(url, rooms) {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString: url });
  await pool.query(`
    CREATE TABLE rooms (id SERIAL PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE members (room_id INTEGER NOT NULL REFERENCES rooms, user_id TEXT NOT NULL, PRIMARY KEY (room_id, user_id));
    CREATE TABLE messages (id SERIAL PRIMARY KEY, room_id INTEGER NOT NULL REFERENCES rooms, user_id TEXT NOT NULL,
                           message TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL);
    CREATE INDEX messages_by_room ON messages (room_id, id);
  `);
  for (let number = 1; number <= rooms; number++) {
    await pool.query("INSERT INTO rooms (name) VALUES ($1)", [`room ${number}`]);
  }
  return {
    join: (roomId, userId) => pool.query("INSERT INTO members VALUES ($1, $2) ON CONFLICT DO NOTHING", [roomId, userId]),
    isMember: async (roomId, userId) => {
      const found = await pool.query("SELECT 1 FROM members WHERE room_id = $1 AND user_id = $2", [roomId, userId]);
      return found.rowCount > 0;
    },
    insert: async (roomId, userId, message, createdAt) => {
      const inserted = await pool.query(
        "INSERT INTO messages (room_id, user_id, message, created_at) VALUES ($1, $2, $3, $4) RETURNING id",
        [roomId, userId, message, createdAt],
      );
      return inserted.rows[0].id;
    },
  };
}

const url = options["database-url"];
const open = url.startsWith("sqlite:") ? openSqlite(url.replace("sqlite:///", ""), +options.rooms) : openPostgres(url, +options.rooms);
const database = await open;

const server = createServer();
const io = new Server(server, { serveClient: false });

io.use((socket, next) => {
  try {
    socket.data.userId = jwt.verify(socket.handshake.auth.token, options.secret, { algorithms: ["HS256"] }).sub;
    next();
  } catch {
    next(new Error("unauthenticated"));
  }
});

io.on("connection", (socket) => {
  const { userId } = socket.data;

  socket.on("room:join", async ({ roomId }, answer) => {
    await database.join(roomId, userId);
    socket.join(`room:${roomId}`);
    answer({ ok: true });
  });

  socket.on("message:send", async ({ roomId, message }, answer) => {
    if (!(await database.isMember(roomId, userId))) {
      answer({ ok: false, error: { code: "forbidden" } });
      return;
    }
    const createdAt = new Date().toISOString();
    const id = await database.insert(roomId, userId, message, createdAt);
    const row = { id, roomId, userId, message, createdAt };
    io.to(`room:${roomId}`).emit("message:created", row);
    answer({ ok: true, data: row });
  });
});

server.listen({ port: +options.port, host: "127.0.0.1", backlog: 4096 });
