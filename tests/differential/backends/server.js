// The Node backend: parses with llhttp, and writes each request as one line to the journal.
"use strict";
const fs = require("node:fs");
const http = require("node:http");

const [address, port, journal] = process.argv.slice(2);
const file = fs.openSync(journal, "a");
const note = (...fields) => fs.writeSync(file, fields.join("\t") + "\n");

const server = http.createServer({ keepAliveTimeout: 75_000, insecureHTTPParser: false }, (request, response) => {
  note(200, request.method, request.url, request.headers.host ?? "");
  request.resume();
  request.on("end", () => {
    // A target may contain characters that a header must not.
    response.setHeader("x-target", encodeURI(request.url));
    response.end("ok\n");
  });
});
server.on("clientError", (_, socket) => {
  note(400, "", "", "");
  socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
});
server.listen(Number(port), address);
