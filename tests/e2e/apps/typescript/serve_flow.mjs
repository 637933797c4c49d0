// Serves the flow-control app of one major. Copied beside an installed SDK, and run there:
// serve_flow.mjs MAJOR PORT FUNCTIONS. `GET /calls` tells what was done when, by the wall clock, unix ms;
// `POST /functions` is a new deployment; `POST /release` lets a function's calls go that are held.

import fs from "node:fs";
import http from "node:http";
import { text } from "node:stream/consumers";
import * as sdk from "inngest";
import { serve } from "inngest/node";
import { calls, functions, releaseOf } from "./flow.mjs";

const [major, port] = process.argv.slice(2, 4).map(Number);
const inngest = new sdk.Inngest({ id: `ts${major}` });
const deployed = (given) => serve({ client: inngest, functions: functions(inngest, sdk, major, JSON.parse(given)) });
let handle = deployed(fs.readFileSync(process.argv[4], "utf8"));

http
  .createServer(async (request, response) => {
    if (request.url === "/calls") {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(calls));
    } else if (request.url === "/functions") {
      handle = deployed(await text(request));
      response.end();
    } else if (request.url === "/release") {
      releaseOf(JSON.parse(await text(request))).release();
      response.end();
    } else {
      handle(request, response);
    }
  })
  .listen(port, "127.0.0.1");
